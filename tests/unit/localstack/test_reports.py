"""What is written around a function's lines, and code that many functions share."""

from __future__ import annotations

from pathlib import Path

from millrace_localstack.code_store import CodeStore
from millrace_localstack.reports import report


def test_a_report_holds_the_lines_in_between() -> None:
    lines = report("r-1", "$LATEST", ["a", "b"], 0.0414, 512, None)
    assert lines == [
        "START RequestId: r-1 Version: $LATEST",
        "a",
        "b",
        "END RequestId: r-1",
        "REPORT RequestId: r-1\tDuration: 41.40 ms\tBilled Duration: 42 ms\tMemory Size: 512 MB",
    ]


def test_a_report_says_what_ended_the_function() -> None:
    assert "RequestId: r-1 Error: Task timed out" in report("r-1", "1", [], 1, 1, "RequestId: r-1 Error: Task timed out")
    assert "RequestId: r-1 Error: Runtime exited" in report("r-1", "1", [], 1, 1, "Error: Runtime exited")


class Zip:
    """LocalStack's code object, as far as we use it."""

    def __init__(self, folder: Path, sha256: str) -> None:
        self.code_sha256, self.folder, self.unzipped = sha256, folder, 0

    def prepare_for_execution(self) -> None:
        self.unzipped += 1
        (self.folder / "code").mkdir(parents=True)
        (self.folder / "code" / "app.py").write_text(self.code_sha256)

    def get_unzipped_code_location(self) -> Path:
        return self.folder / "code"

    def destroy_cached(self) -> None:
        self.folder.rmdir()


def test_the_same_code_is_unzipped_once(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "store")
    codes = [Zip(tmp_path / "a", "h/1="), Zip(tmp_path / "b", "h/1="), Zip(tmp_path / "c", "h/2=")]
    for code in codes:
        store.keep(code)
    assert [code.unzipped for code in codes] == [1, 0, 1]
    assert (store.folder_of("h/1=") / "app.py").read_text() == "h/1="
    assert (store.folder_of("h/2=") / "app.py").read_text() == "h/2="
    assert not (tmp_path / "a").exists()
