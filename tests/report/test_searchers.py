"""The searchers' names and sources; that the page shows them is tested with the page."""

from pocketnas.report.searchers import arm_label, searcher_words
from pocketnas.run.config import SEARCHERS
from pocketnas.study.study import Study


def test_labels_and_sources_of_the_searchers() -> None:
    said = {}
    for searcher, reward in [*((name, "soft") for name in SEARCHERS), ("evolution", "pareto")]:
        study = Study(":memory:")
        study.storage.set("config", {"searcher": searcher, "reward": reward})
        said[arm_label(study, "search")] = searcher_words(study)
    assert list(said) == [
        *("guided search", "PPO (RNN controller)", "REINFORCE", "evolution", "random search"),
        "NSGA-II",
    ]
    sources = ("docs/how-it-works.md", "1707.06347", "Williams 1992", "1802.01548", "1902.07638")
    for words, source in zip(said.values(), (*sources, "Deb et al. 2002"), strict=True):
        assert source in words
        assert words.count(". ") == words.count("et al. "), "one sentence"
    nobody = Study(":memory:")
    assert arm_label(nobody, "search") == "search"
    assert searcher_words(nobody) == ""
