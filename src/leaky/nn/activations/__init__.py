"""The classes behind `leaky.nn.modules`, one file per idea.

- `base`: what all share, and their docstrings, made from the records.
- `twins`: subclasses of torch's that do more than torch's; those that do not are made from their records.
- `simple`, `random`, `adaptive`, `dynamic`, `funnel`: what torch.nn has not.
- `elementwise`: the catalogue's formula itself, with parameters learned per tensor, per channel or per element.
"""
