from hypothesis import settings

# The same examples in every run, so that a red build is red on every machine; `thorough` looks further.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("quick")
