"""Values as text and back: JSON by annotations, exceptions, fingerprints, codecs, opt-in pickles.

Start reading at `serializer.py`; `coder.py` says how one value is written and read.
"""
