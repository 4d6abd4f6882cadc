"""Tell LIBERO environments from robosuite's: LIBERO's files claim robosuite's type number."""

# Far from the small numbers that upstream gives out one by one.
LIBERO_TYPE = 1001
# What LIBERO itself writes where it does not name a problem of its own.
LIBERO_PROBLEM = "Libero_Tabletop_Manipulation"


def env_type_or_libero(env_type, env_meta):
    """LIBERO_TYPE for metadata that came from a LIBERO file, else what upstream found."""
    return LIBERO_TYPE if env_meta is not None and is_libero(env_meta) else env_type


def is_libero(env_meta):
    kwargs = env_meta.get("env_kwargs") or {}
    names = (env_meta.get("problem_name"), env_meta.get("env_name"))
    return "bddl_file_name" in kwargs or any(str(name).startswith("Libero_") for name in names)
