"""The claims ledger: what is said of leaky rectifiers, each statement with an experiment that can refute it.

`claim` says what a claim is, `table` holds them all, `run` measures, `verdicts` rules, `page` tells.
"""
