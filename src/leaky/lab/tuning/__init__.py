"""Finding an activation's parameter, such as the slope of a leaky ReLU.

- `shape`: which parameter, and which of its values; `best`: which values are as good as the best (both pure).
- `search`: Optuna, its trials trained by the lab's workers; `suggest`: for studies of Optuna's users.
- `result`: from trials to a `leaky.records.Tuning`; `tune`: the door.
"""
