"""The data sets that tasks are made of, each from a pinned commit, with licence and citation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from leaky.lab.datasets.entry import DataSet, File, Folder

_FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion"
_NLTK = "https://raw.githubusercontent.com/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora"
_ADBENCH = "https://raw.githubusercontent.com/Minqi824/ADBench/3dac8221081e190f157d78e93bfa8867f90d0965/adbench/datasets/Classical"
_NAB = "https://raw.githubusercontent.com/numenta/NAB/ea702d75cc2258d9d7dd35ca8e5e2539d71f3140"
_STATSMODELS = (
    "https://raw.githubusercontent.com/statsmodels/statsmodels/82c59e378bdfb5ae324006c477954879ad3e24be"
)

_NAB_SERIES = (
    *(
        f"realAWSCloudwatch/{name}.csv"
        for name in (
            "ec2_cpu_utilization_24ae8d",
            "ec2_cpu_utilization_53ea38",
            "ec2_cpu_utilization_5f5533",
            "ec2_cpu_utilization_77c1ca",
            "ec2_cpu_utilization_825cc2",
            "ec2_cpu_utilization_ac20cd",
            "ec2_cpu_utilization_c6585a",
            "ec2_cpu_utilization_fe7f93",
            "ec2_disk_write_bytes_1ef3de",
            "ec2_disk_write_bytes_c0d644",
            "ec2_network_in_257a54",
            "ec2_network_in_5abac7",
            "elb_request_count_8c0756",
            "grok_asg_anomaly",
            "iio_us-east-1_i-a2eb1cd9_NetworkIn",
            "rds_cpu_utilization_cc0c53",
            "rds_cpu_utilization_e47b3b",
        )
    ),
    *(
        f"realKnownCause/{name}.csv"
        for name in (
            "ambient_temperature_system_failure",
            "cpu_utilization_asg_misconfiguration",
            "ec2_request_latency_system_failure",
            "machine_temperature_system_failure",
            "nyc_taxi",
            "rogue_agent_key_hold",
            "rogue_agent_key_updown",
        )
    ),
)


def _plain(base: str, mirror: str, hashes: dict[str, str]) -> tuple[File, ...]:
    """Files that have one name at the source, in the mirror and here."""
    return tuple(
        File(name=name, url=f"{base}/{name}", sha256=sha256, mirror=f"{mirror}/{name}")
        for name, sha256 in hashes.items()
    )


_ENTRIES = (
    DataSet(
        name="fashion_mnist",
        title="Fashion-MNIST",
        field="image_classification",
        parts=_plain(
            _FASHION,
            "image_classification/fashion_mnist",
            {
                "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
        ),
        licence="MIT",
        citation="Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
    ),
    DataSet(
        name="bccd",
        title="BCCD blood cells",
        field="object_detection",
        parts=(
            Folder(
                name="BCCD",
                url="https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz",
                digest="0bb479c7ed1c5f1e410e8e3c1b9a1565ee37feeb8e6375f6c93534deebf720c1",
                mirror="object_detection/bccd/bccd.tar.gz",
                inside="BCCD",
            ),
        ),
        licence="MIT",
        citation="Shenggan 2017, BCCD Dataset",
        homepage="https://github.com/Shenggan/BCCD_Dataset",
    ),
    DataSet(
        name="sentence_polarity",
        title="Sentence polarity v1.0",
        field="sentiment",
        parts=_plain(
            _NLTK,
            "sentiment/sentence_polarity",
            {"sentence_polarity.zip": "6e1ed4405b65c7eabf1d199a7f7c437091ac21da0ea7467b410a74062574566b"},
        ),
        licence="CC BY 4.0",
        citation="Pang, Lee 2005, Seeing stars, ACL",
        homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    ),
    DataSet(
        name="movie_reviews",
        title="Movie reviews, polarity v2.0",
        field="sentiment",
        parts=_plain(
            _NLTK,
            "sentiment/movie_reviews",
            {"movie_reviews.zip": "a41211ae685019137410268134db6a1a14428c89b671eb83056151a878539008"},
        ),
        licence="CC BY 4.0",
        citation="Pang, Lee 2004, A Sentimental Education, ACL",
        homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    ),
    DataSet(
        name="tatoeba_deu_eng",
        title="Tatoeba German-English pairs",
        field="translation",
        parts=_plain(
            "https://raw.githubusercontent.com/rioyshky/translation/de48b7027f7318d77010a6e08ed928c10748c23d",
            "translation/tatoeba_deu_eng",
            {"deu-eng.zip": "b7688f84f99fa33c17397c14d8bd9cef1fdeb2ee0bf50074767023aee8926e28"},
        ),
        licence="CC BY 2.0",
        citation="www.manythings.org/anki and tatoeba.org, 2018",
        homepage="https://www.manythings.org/anki/",
    ),
    DataSet(
        name="fsdd",
        title="Free Spoken Digit Dataset",
        field="speech",
        parts=(
            Folder(
                name="recordings",
                url="https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
                "26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
                digest="99aa5e3a7c822ab55b2a3b47e0b05aeb9f011c54837a12e3831ad24108330829",
                mirror="speech/fsdd/fsdd.tar.xz",
                inside="recordings",
            ),
        ),
        licence="CC BY-SA 4.0",
        citation="Jackson et al. 2018, Free Spoken Digit Dataset",
        homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
    ),
    DataSet(
        name="etth1",
        title="ETTh1, electricity transformer temperature",
        field="time_series",
        parts=(
            File(
                name="ETTh1.csv",
                url="https://raw.githubusercontent.com/zhouhaoyi/ETDataset/"
                "1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
                sha256="f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
                mirror="time_series/etth1/ETTh1.csv.gz",
            ),
        ),
        licence="CC BY-ND 4.0",
        citation="Zhou et al. 2021, Informer, AAAI",
        homepage="https://github.com/zhouhaoyi/ETDataset",
    ),
    DataSet(
        name="bike_sharing",
        title="Capital Bikeshare, hourly users and weather",
        field="time_series",
        parts=(
            File(
                name="bike_sharing_dataset_clean.csv",
                url="https://raw.githubusercontent.com/skforecast/skforecast-datasets/"
                "f8c3d7fe5ec41ef86f93e969c31ec4b469b7c949/data/bike_sharing_dataset_clean.csv",
                sha256="b2252681fd3f41eacbbd7242b1184e6aa364c4c01267db2b4b7d706aea184d36",
                mirror="time_series/bike_sharing/bike_sharing_dataset_clean.csv.gz",
            ),
        ),
        licence="CC BY 4.0 (UCI), BSD-3-Clause (cleaned version)",
        citation="Fanaee-T 2013, Bike Sharing, UCI, doi:10.24432/C5W894",
        homepage="https://github.com/skforecast/skforecast-datasets",
    ),
    DataSet(
        name="co2",
        title="Weekly CO2 at Mauna Loa",
        field="time_series",
        parts=(
            File(
                name="co2.csv",
                url=f"{_STATSMODELS}/statsmodels/datasets/co2/co2.csv",
                sha256="16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f",
                mirror="time_series/co2_mauna_loa_weekly/co2.csv",
            ),
        ),
        licence="public domain",
        citation="Keeling, Whorf 2004, CDIAC",
        homepage="https://www.statsmodels.org/stable/datasets/generated/co2.html",
    ),
    DataSet(
        name="adbench",
        title="ADBench, six classical tables",
        field="anomaly_detection",
        parts=_plain(
            _ADBENCH,
            "anomaly/adbench_tabular",
            {
                "38_thyroid.npz": "8de161b3f235b7647bb0b39a836d983ff61d67bf234edac461da2d71e889cb87",
                "6_cardio.npz": "bc5009bde6930b4d298b594f31b34485a9a17210cff0e8fb00a8c3068b885a2d",
                "28_pendigits.npz": "c4936b89dcdad59d303020e492f763a0f54170080d787c77497609acbb9c2d79",
                "31_satimage-2.npz": "1b056e357f801b8b20c3f380a30224a3c4088d7ed764ec5a24828dc9b1918d6f",
                "40_vowels.npz": "4bfc4244d1c882773bbbc50d4a5db5e52276e53506e46b2d45e02d074cfcb1b6",
                "43_WDBC.npz": "78d4606a1ab516f5b60b00c196497f3bbd6bd5e4548fd04cf5f2475209b34b85",
            },
        ),
        licence="BSD-2-Clause (collection), CC BY 4.0 (UCI)",
        citation="Han et al. 2022, ADBench, NeurIPS",
        homepage="https://github.com/Minqi824/ADBench",
    ),
    DataSet(
        name="nab",
        title="Numenta Anomaly Benchmark, 24 labelled series",
        field="anomaly_detection",
        parts=(
            Folder(
                name="series",
                url=f"{_NAB}/data/",
                digest="0486aa9bea034fb74e73671f9caa6826355fe47654d41b9fe90c362327fcc5e4",
                mirror="anomaly/nab/nab.tar.gz",
                members=_NAB_SERIES,
            ),
            File(
                name="windows.json",
                url=f"{_NAB}/labels/combined_windows.json",
                sha256="1e1fbc4601321aad8d0f8b3784c8134299379f68f6c1f7777565f8ffd57ab6b1",
                mirror="anomaly/nab/windows.json",
                mirror_sha256="7aef55450c205f6eae16f586e9d4cf3999a5114962f6ffa46c884408ce41c6ff",
            ),
            File(
                name="labels.json",
                url=f"{_NAB}/labels/combined_labels.json",
                sha256="98724014c162fcfd4be605683517f194051a54e98756c53667bd33ddbc644d9b",
                mirror="anomaly/nab/labels.json",
                mirror_sha256="9a0a53696e7da064dc5630f48392ec37719c3d9f42a7b3c1bf7363d9c307f5dc",
            ),
        ),
        licence="MIT",
        citation="Ahmad et al. 2017, Neurocomputing 262",
        homepage="https://github.com/numenta/NAB",
    ),
)

DATASETS: Mapping[str, DataSet] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every data set by name. NAB's label files hold all of its series; `series` has the 24 that are used."""
