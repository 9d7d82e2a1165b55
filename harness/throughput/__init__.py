"""The harness's own speed: pipelines compared, augmentation alone, growth of cost, equal outcomes."""
