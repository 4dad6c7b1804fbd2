"""The errors that labeltool raises at its boundary: one line that says where, what, and what was expected."""


class LabeltoolError(Exception):
    """Base of every error whose message is meant for the user as it stands.

    Each subclass also refines the builtin it is a kind of (`CocoError` is a `ValueError`), so that a caller may catch either.
    The command line prints the message on one line and exits 1; no traceback.
    """


class SkeletonError(LabeltoolError, ValueError):
    """A skeleton definition, or a conversion between two, that cannot be used."""


class CocoError(LabeltoolError, ValueError):
    """A COCO document that cannot be read or written."""


class FormatError(LabeltoolError, ValueError):
    """A foreign label format (LSP, a photo folder, ...) that cannot be read."""


class PhotoError(LabeltoolError, ValueError):
    """A photo that is missing, empty, or no image."""


class ProjectError(LabeltoolError, ValueError):
    """A project folder that cannot be made, opened or written."""


class ModelError(LabeltoolError, ValueError):
    """A model that is unknown, lacks its weights, or cannot be run."""


class AuditError(LabeltoolError, ValueError):
    """Labels and predictions that cannot be held against each other."""


class ServerError(LabeltoolError, RuntimeError):
    """A label server that cannot start: its port is taken, its address or token cannot be used."""


class ExploreError(LabeltoolError, RuntimeError):
    """FiftyOne, its database or one of its data sets that cannot be used."""
