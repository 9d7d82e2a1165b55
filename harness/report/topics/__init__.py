"""The further topics of a report, a module each; `harness.report.topics.all` lists them."""
