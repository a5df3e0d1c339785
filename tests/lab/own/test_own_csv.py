"""`leaky compare --csv`: what a file's cells are read as, and one line for what is wrong with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.errors import LeakyError

RANDOM = np.random.default_rng(0)
SIZES = RANDOM.normal(3, 1, 80).round(3)
SHORT = (
    "--seeds",
    "2",
    "--tuning-seeds",
    "1",
    "--activation",
    "tanh",
    "--learning-rate",
    "0.01",
    "--epochs",
    "3",
)


def table(target: str = "sold") -> str:
    lines = ["row,name,size,colour,rooms,price,sold"]
    for i, size in enumerate(SIZES):
        colour = "" if i % 9 == 0 else ("red", "green", "blue")[i % 3]
        cell = "NA" if i % 8 == 0 else f"{size}"
        lines.append(
            f'{i + 1},"house, {i}",{cell},{colour},{i % 7},{size * 10:.2f},{"yes" if size > 3 else "no"}'
        )
    return "\n".join(lines) + "\n"


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    path = tmp_path / "houses.csv"
    path.write_text(table())
    return path


def inputs(task: Any) -> torch.Tensor:
    return task.train_samples.inputs


def test_columns_are_read_by_their_kind(houses: Path) -> None:
    task = leaky.lab.task_from_csv(houses, "sold")
    assert task.name == "houses.csv: sold"
    # size and where it is missing, three colours and none, rooms, price
    assert "60 training and 20 test rows: 4 columns as 8 numbers, 2 classes" in task.description
    assert (
        task.notes[0]
        == "Left out of the columns: `row` (counts the rows), `name` (60 different words in 60 rows)."
    )
    assert task.notes[1].startswith(
        "Missing numbers are the median of the training rows, and a column says where: `size`"
    )


@pytest.mark.parametrize(
    ("target", "metric", "decides", "note"),
    [
        ("sold", None, "accuracy", None),
        ("price", None, "mse", None),
        (
            "rooms",
            None,
            "accuracy",
            "`rooms` has 7 different whole numbers: read as classes; mse makes a number.",
        ),
        ("rooms", "mse", "mse", None),
        (
            "row",
            None,
            "mse",
            "`row` has 80 different whole numbers: read as a number; accuracy makes classes.",
        ),
    ],
)
def test_the_target_is_classes_or_a_number(
    houses: Path, target: str, metric: str | None, decides: str, note: str | None
) -> None:
    task = leaky.lab.task_from_csv(houses, target, metric=metric)
    assert task.metric == decides
    assert (note in task.notes) if note else not any("read as" in told for told in task.notes)


def test_none_may_be_a_class_and_no_number(tmp_path: Path) -> None:
    path = tmp_path / "pain.csv"
    path.write_text(
        "age,pain,dose\n" + "".join(f"{i},{'none' if i % 2 else 'mild'},{i}.5\n" for i in range(40))
    )
    task = leaky.lab.task_from_csv(path, "pain")
    assert "2 classes" in task.description
    path.write_text(
        "age,pain,dose\n" + "".join(f"{i * i % 7},mild,{i}.5\n" for i in range(40)) + "3,mild,none\n"
    )
    assert any("1 rows without `dose`" in note for note in leaky.lab.task_from_csv(path, "dose").notes)


def test_rows_without_a_target_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "holes.csv"
    path.write_text(
        "id,x,y\n" + "".join(f"{i},{i * i}.5,{'' if i % 10 == 0 else i % 2}\n" for i in range(60))
    )
    task = leaky.lab.task_from_csv(path, "y")
    assert task.notes == (
        "6 rows without `y` are left out.",
        "Left out of the columns: `id` (counts the rows).",
    )
    assert task.description.startswith("40 training and 14 test rows")


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), ("|", "utf-8")]
)
def test_delimiters_encodings_and_decimal_commas(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "data.csv"
    comma = delimiter == ";"
    numbers = [f"{size}".replace(".", ",") if comma else f"{size}" for size in SIZES]
    rows = [
        delimiter.join((number, "größer" if float(size) > 3 else "kleiner"))
        for number, size in zip(numbers, SIZES, strict=True)
    ]
    path.write_bytes("\r\n".join([delimiter.join(("Maß", "Art")), *rows, ""]).encode(encoding))
    task = leaky.lab.task_from_csv(path, "Art")
    reference = leaky.lab.task(SIZES[:, None], np.where(SIZES > 3, "größer", "kleiner"))
    assert torch.equal(inputs(task), inputs(reference))


@pytest.mark.parametrize(
    ("content", "target", "message"),
    [
        ("", "y", "is empty; its first line must name the columns"),
        ("1,2\n3,4\n", "y", "holds numbers; it must name the columns"),
        ("x,x\n1,2\n", "x", "names the column `x` twice; rename one"),
        ("x,y\n1,2\n3,4,5\n", "y", "csv: line 3 of"),
        ("x,y\n1,2\n3,4,5\n", "y", "has 3 cells, the first line 2; mend that line"),
        ('x,y\n1,"2\n3,4\n', "y", "cannot be read: unexpected end of data"),
        ("x,price\n1,2\n", "prise", "did you mean `price`?"),
        ("x,price\n1,2\n", None, "csv: say which column of"),
        ("y\n" + "1\n2\n" * 20, "y", "has no column but `y`; there is nothing to predict it from"),
        ("x,y\n" + "1.5,2\n" * 5, "y", "task: `y` has one class only, 2"),
        ("x,y\n" + "1.5,a\n2.5,b\n" * 5, "y", "task: 10 rows are too few to train and test on"),
        ("x,y\n" + "1.5,\n" * 50, "y", "csv: no row of"),
        ("x,y\n" + "1.5,a\n1.5,b\n" * 20, "y", "task: no column can be learned from: `x` (always the same)"),
        ("x,y\n" + "inf,a\n1.5,b\n" * 20, "y", "task: column `x` is infinite in row 1"),
        ("x,y\n" + "1.5,a\n2.5,b\n" * 20 + "3.5,4\n", "y", None),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line(
    tmp_path: Path, content: str, target: str | None, message: str | None
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    if message is None:
        assert leaky.lab.task_from_csv(path, target).metric == "accuracy"
        return
    with pytest.raises(LeakyError, match=re.escape(message)) as told:
        leaky.lab.task_from_csv(path, target)
    assert "\n" not in str(told.value)


def test_bytes_that_are_no_utf8_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    rows = "".join(f"{size},{'größer' if size > 3 else 'kleiner'}\n" for size in SIZES)
    path.write_bytes(f"x,y\n1.5,kleiner\n{rows}".encode("latin-1"))
    line = 3 + int(np.argmax(SIZES > 3))
    with pytest.raises(
        LeakyError, match=rf"is not UTF-8 text \(byte 0xf6 in line {line}\); save it as UTF-8"
    ):
        leaky.lab.task_from_csv(path, "y")
    task = leaky.lab.task_from_csv(path, "y", encoding="latin-1")
    assert "2 classes" in task.description
    with pytest.raises(LeakyError, match="`encoding` must be one that Python knows, got 'latin-99'"):
        leaky.lab.task_from_csv(path, "y", encoding="latin-99")


def test_the_shell_compares_on_a_csv_and_says_what_it_left_out(
    leaky_shell: Any, houses: Path, tmp_path: Path
) -> None:
    done = leaky_shell("compare", "--csv", "houses.csv", "--target", "sold", *SHORT)
    assert done.returncode == 0, done.stderr
    assert "houses.csv: sold" in done.stdout
    assert "Left out of the columns: `row` (counts the rows)" in done.stdout
    report = (tmp_path / "report.html").read_text()
    assert "4 columns as 8 numbers, 2 classes, a multilayer perceptron" in report
    assert "--csv houses.csv --target sold" in report
    again = leaky_shell("compare", "--csv", "houses.csv", "--target", "sold", *SHORT, "--json")
    assert json.loads(again.stdout)["reused"] == 2 * (1 + 2)  # nothing is trained twice
    deep = leaky_shell(
        "compare",
        "--csv",
        "houses.csv",
        "--target",
        "price",
        "--preset",
        "deep",
        "--metric",
        "mae",
        *SHORT,
        "--json",
    )
    study = json.loads(deep.stdout)
    assert study["metric"]["name"] == "mae"
    assert "20 hidden layers" in study["description"]
    assert study["reused"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--csv", "houses.csv", "--target", "solt"), "did you mean `sold`?"),
        (("--csv", "houses.csv"), "say which column of `houses.csv` is the target: row, name, size"),
        (("--csv", "nowhere.csv", "--target", "y"), "csv: cannot read `nowhere.csv`: No such file or directory"),
        (("--csv", ".", "--target", "y"), "csv: cannot read `.`: Is a directory"),
        (("--csv", "houses.csv", "--task", "digits"), "--task and --csv exclude each other; leave one out"),
        (("--target", "sold"), "--target is an option of --csv; leave it out, got 'sold'"),
        (("--metric", "mae"), "--metric is an option of --csv or --images; leave it out, got 'mae'"),
        (("--csv", "houses.csv", "--target", "sold", "--budget", "smoke"), "--budget is an option of a built-in"),
        (("--csv", "houses.csv", "--target", "sold", "--preset", "vgg"), "unknown model for table: `vgg`"),
        (("--csv", "houses.csv", "--target", "sold", "--metric", "f1"), "unknown metric `f1`"),
    ],
)  # fmt: skip
def test_a_mistake_on_the_shell_is_one_line(
    leaky_shell: Any, houses: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = leaky_shell("compare", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("leaky: ")
    assert message in done.stderr
    assert not (tmp_path / "report.html").exists()
