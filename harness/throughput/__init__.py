"""The harness's own speed: both pipelines compared, augmentation alone, growth of cost, equal outcomes."""
