from harness.report.page.names import keep_names_whole


def test_names_in_text_get_no_break_hyphens():
    assert keep_names_whole("<p>take resnet20-4, not wrn16-0.5</p>") == "<p>take resnet20‑4, not wrn16‑0.5</p>"


def test_names_of_libraries_may_break_behind_the_colon():
    assert keep_names_whole("<p>take torchvision:resnet18</p>") == "<p>take torchvision:<wbr>resnet18</p>"


def test_what_is_copied_or_followed_keeps_plain_hyphens():
    for text in (
        '<a href="#row-cifar10-resnet20-4" title="resnet20-4">x</a>',
        "<code>pytest -k resnet20-4</code>",
        "<pre>resnet20-4\nresnet20-2</pre>",
        "<svg><svg></svg><text x='0'>resnet20-4</text></svg>",
        "<script>resnet20-4</script>",
    ):
        assert keep_names_whole(text) == text


def test_other_hyphens_stay():
    text = "<p>2026-11-28, CIFAR-10, cifar10-resnet20-seed0, 1-2, H100-80GB</p>"
    assert keep_names_whole(text) == text
