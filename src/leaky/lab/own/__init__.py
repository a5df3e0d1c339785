"""Tasks from data of your own, made in one call.

- `arrays`: `leaky.lab.task(X, y)`, from arrays and data frames.
- `csv_file`, `image_folder`: `leaky.lab.task_from_csv`, `leaky.lab.task_from_images`.
- `columns`, `frames`, `table`, `grids`: what the inputs are, and how they become numbers by the training rows alone.
- `targets`, `splits`: classes or numbers, and the test rows.
- `networks`: the model for each kind of input.
- `assemble`: all of it put together.
"""
