"""From a recipe to torch: what its fields may be, and the optimizer, schedule and stopping they stand for.

- `fields`: the table of the fields; checks, error texts and the shell's `--vary` are derived from it.
- `optimizers`, `schedules`: torch's own, by name.
- `early_stopping`: when a run ends, and the weights that count.
"""
