"""Whom a rule is for: an asset, a group, a client, a tag, or any of these."""

from dataclasses import dataclass

from geofence.sighting import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Assets that a rule is for. Whatever is empty asks nothing.

    organisations  the clients whose assets it is for; a rule of a client names that client
    kinds          vehicle, lone_worker, senior
    assets, groups, tags   one of these must fit, if any is given
    """

    organisations: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def includes(self, subject: Subject) -> bool:
        """Whether the rule is for this asset."""
        if self.organisations and subject.organisation_id not in self.organisations:
            return False
        if self.kinds and subject.kind not in self.kinds:
            return False
        if not (self.assets or self.groups or self.tags):
            return True
        return (
            subject.asset_id in self.assets
            or (subject.group != "" and subject.group in self.groups)
            or not self.tags.isdisjoint(subject.tags)
        )
