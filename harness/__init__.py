"""Should my network be wider or deeper? The library; every module but plugin and collect is usable without pytest."""
