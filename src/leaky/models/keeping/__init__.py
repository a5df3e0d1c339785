"""How `leaky.lean` makes a model keep less for backward.

- What is there: `find` reads a model's graphs for activations and calls (`sites`), norms before them (`pairs`) and
  smooth activations (`again`); `holders` says who else keeps a tensor, `behind` which layers could do without.
- What to change: `plan` decides, by what graphs tell (`by_graph`) or an example showed (`observe`, `gains`); a kind
  of change is tried on made-up input first (`trials`, `again_trial`), the whole model on the example (`attempt`,
  `proof`).
- What is changed: `change` gives modules other classes (`twins`, `others`, `behind`) and calls another function
  (`calls`); `marks` are what a norm leaves for the activation that it has applied.
- What is told: the `rows` of a `report`.
"""
