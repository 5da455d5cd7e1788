"""What the project's own suites add to the plugin."""

import pytest

# A verdict that fails shows what was observed instead.
pytest.register_assert_rewrite("fixtures")
