from hypothesis import HealthCheck, settings

# Other programs share the machine: how long an example takes says nothing about the code.
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("busy")
