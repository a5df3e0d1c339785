"""The doctor in other people's training loops. Each needs its own library, and loads it when imported.

- `lightning.WatchCallback`: for `lightning.pytorch.Trainer`.
- `transformers.WatchCallback`: for the Trainer of Hugging Face.
- `tensorboard.write_diagnosis`, `tensorboard.WatchWriter`: scalars and histograms through a SummaryWriter.
"""
