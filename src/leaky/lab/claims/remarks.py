"""What measured claims come to in plain words: written by hand after the results, and no part of a definition."""

from __future__ import annotations

from collections.abc import Mapping

from leaky.records import Ruling

SHORT = (
    "In five sentences: with the initialisation that belongs to it, a leak changes little in small shallow networks. "
    "In a small convolutional network without normalisation a clear or learned slope, and in 8 layers with batch "
    "norm a slope of 0.2, gains 2 to 3 points of accuracy. Through dozens of layers it is the gain of the "
    "initialisation that keeps gradients alive, and not the leak. A leak does keep units from dying, and dead ReLU "
    "units do come back more often than is told. RReLU regularises nothing here, its two forms train alike, and a "
    "slope equal to the number of channels, the mistake of a published benchmark, costs 6 points with batch norm."
)
"""Printed above the table where every claim that has a remark came out as that remark says."""

REMARKS: Mapping[str, tuple[Ruling, str]] = {
    "better": (
        "refuted",
        "Of small perceptrons without normalisation: no slope gains the margin where that could be decided. With 8 "
        "layers larger slopes lead (1/3: +1.1 pp on clothes, on the margin); with [batch norm](#batch_norm) and in a "
        "[small CNN](#audit_xu) a clear slope gains 2 to 3 pp.",
    ),
    "faster": (
        "mixed",
        "Slope 0.2 saves a fifth to a third of the epochs with batch norm, with the common gain and through 30 "
        "layers; 0.01 is as fast as ReLU. With 8 layers of 16 units 47 of 60 runs of ReLU, 52 of slope 0.01 and 17 "
        "of slope 0.2 did not come down to a loss of 0.2 and count as all epochs: what is measured there is no more "
        "than a bound.",
    ),
    "prevents_death": (
        "supported",
        "With a bias of -1 every ReLU unit dies and no leaky one. At a learning rate ten times as high 6 % of ReLU's "
        "units die (14 % at the lower rate). One network of 20 diverged with slope 0.01 and one with ReLU; all units "
        "of those count as dead.",
    ),
    "never_recovers": (
        "refuted",
        "In the first layer a dead unit stays dead unless its bias decays, or now and then with Adam; behind it a "
        "quarter to a half of the dead come back, since what they are fed changes.",
    ),
    "half_inactive": (
        "supported",
        "At the start, on any one input: half of all pairs of unit and input. Hardly a unit is inactive on all "
        "inputs, see [half dead](#half_dead).",
    ),
    "unit_inputs_accuracy": (
        "mixed",
        "ReLU is as accurate, but that is not due to the range of the inputs.",
    ),
    "vanishing": (
        "refuted",
        "The gain does it, and not the leak: at gain 1 gradients vanish over 50 layers with every slope up to 1/3, "
        "at the activation's own gain with none.",
    ),
    "exploding": (
        "refuted",
        "With the same weights gradients grow more, by 13.6 times over 50 layers at slope 1/3.",
    ),
    "slope_one": (
        "refuted",
        "It *is* a linear map, at any depth. What does not hold is that gradient descent finds as good a one through "
        "30 layers: 2.5 pp are lost.",
    ),
    "small_slope": (
        "refuted",
        "With 3 layers the slope hardly matters; with 30 a slope of 0.3 is 5.8 pp better than 0.01.",
    ),
    "spirals": (
        "mixed",
        "Two turns are learned as well. On three turns neither learns much (medians of 69 and 63 %): that is of "
        "training, and not of what the network can express, see [pieces](#regions).",
    ),
    "too_small_half": (
        "supported",
        "Of slopes of a millionth and below, without loss scaling; at 0.01 no unit is lost.",
    ),
    "robust": (
        "mixed",
        "Against outliers in the inputs slope 0.01 loses 2.3 pp less; against slight noise, and with slope 0.2, "
        "nothing is gained.",
    ),
    "prelu_power": (
        "refuted",
        "With 1,200 digits it is half a point worse than a fixed slope, with 100 perhaps a point better than 0.01.",
    ),
    "rrelu_regularises": (
        "refuted",
        "The gap between training and test stays what it is at the fixed mean slope.",
    ),
    "dearer": (
        "undecided",
        "By value 8 % more where memory is the limit; with the gradient times jump from round to round with what the "
        "allocator hands out. This is a third measurement: other programs ran beside the first two.",
    ),
    "elu_faster": (
        "supported",
        "In epochs, in every setting. ELU itself costs [over 5 times as much](#cheaper), a step 3 to 15 % more. With "
        "8 layers of 16 units most runs of ReLU and slope 0.01 never came down to the loss, so that ELU's lead is "
        "larger than measured.",
    ),
    "kink": (
        "supported",
        "Of small networks: in float32 no exact zero occurred, so that all three are the same to the bit; inputs "
        "rounded to 1/4 make zeros, and little of it. Not tested: 16 bits, large networks, where Bertoin et al. 2021 "
        "saw differences.",
    ),
    "batch_norm": (
        "refuted",
        "The leak helps there most: with batch norm slope 0.2 gains 2.4 pp on ReLU, without it about nothing.",
    ),
    "deep_not_shallow": (
        "mixed",
        "That it gains nothing in shallow networks holds; that it gains in 8 layers does not, and of 30 layers "
        "nothing can be said.",
    ),
    "plasticity": (
        "refuted",
        "With slope 0.01 networks end 2.5 pp below their first tasks. Less is open: ReLU's own loss beside fresh "
        "networks is no larger than that of either slope.",
    ),
    "audit_benchmark": (
        "refuted",
        "Only of the VGG: with slope = channels and batch norm 6.2 pp are lost. With slope 1 nothing was lost here "
        "(+0.6 and +1.7 pp, open): on 1,000 small pictures maximum pooling alone does as well. The prediction had it "
        "the other way round. Channels here are 8 to 32, the benchmark's 64 to 512.",
    ),
    "audit_mirror": (
        "refuted",
        "Predicted was as good with batch norm; 6.2 pp are lost: a maximum pool that has become a minimum pool "
        "matters.",
    ),
    "audit_xu": (
        "mixed",
        "A clear slope gains 2.4 to 3.3 pp, as they found; PReLU is best here, not RReLU, and their order of five "
        "never appears when seeds are resampled.",
    ),
    "audit_maas": (
        "undecided",
        "With 2 layers as they found: ReLU errs 2.2 pp less than tanh, slope 0.01 as often as ReLU. With 8, which "
        "they did not try, slope 0.01 errs 2.9 pp more (1.4 to 4.5), open.",
    ),
}


def remark(name: str, ruling: Ruling | None) -> str:
    """The remark on a claim that came out as it says; elsewhere none."""
    written_for, text = REMARKS.get(name, (None, ""))
    return text if ruling is not None and ruling == written_for else ""


def short(rulings: Mapping[str, Ruling | None]) -> str:
    """All of it in five sentences, where all of it came out so."""
    return SHORT if all(rulings.get(name) == ruling for name, (ruling, _) in REMARKS.items()) else ""
