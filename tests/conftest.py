"""What every test starts from."""

import os

# Before torch is imported, as the app does it: tests run in several processes, and each has a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
