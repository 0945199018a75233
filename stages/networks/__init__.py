"""Networks that are trained on the store's labels. The only modules, with ``losses`` and ``confusion``, that import torch."""
