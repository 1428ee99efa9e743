"""What each code for closing an alarm is called, in the languages of the desk."""

from collections.abc import Mapping

from tracking.alarms.lifecycle import CloseCode

_LANGUAGES = ("nl", "fr", "de", "en")

_NAMES: Mapping[CloseCode, tuple[str, str, str, str]] = {
    CloseCode.GENUINE_POLICE: (
        "Echt: politie ter plaatse",
        "Réelle : police sur place",
        "Echt: Polizei vor Ort",
        "Genuine: police attended",
    ),
    CloseCode.GENUINE_AMBULANCE: (
        "Echt: ambulance ter plaatse",
        "Réelle : ambulance sur place",
        "Echt: Rettungsdienst vor Ort",
        "Genuine: ambulance attended",
    ),
    CloseCode.GENUINE_FIRE: (
        "Echt: brandweer ter plaatse",
        "Réelle : pompiers sur place",
        "Echt: Feuerwehr vor Ort",
        "Genuine: fire brigade attended",
    ),
    CloseCode.GENUINE_FAMILY: (
        "Echt: familie ter plaatse",
        "Réelle : famille sur place",
        "Echt: Angehörige vor Ort",
        "Genuine: family attended",
    ),
    CloseCode.GENUINE_PATROL: (
        "Echt: eigen patrouille ter plaatse",
        "Réelle : notre patrouille sur place",
        "Echt: eigene Streife vor Ort",
        "Genuine: own patrol attended",
    ),
    CloseCode.FALSE_USER: (
        "Vals: vergissing van de gebruiker",
        "Fausse : erreur de l'utilisateur",
        "Fehlalarm: Versehen des Benutzers",
        "False: mistake of the user",
    ),
    CloseCode.FALSE_DEVICE: (
        "Vals: fout van het toestel",
        "Fausse : défaut de l'appareil",
        "Fehlalarm: Fehler des Geräts",
        "False: fault of the device",
    ),
    CloseCode.TEST: ("Test", "Essai", "Test", "Test"),
    CloseCode.CANCELLED_VERIFIED: (
        "Geannuleerd en geverifieerd",
        "Annulée et vérifiée",
        "Zurückgenommen und überprüft",
        "Cancelled and verified",
    ),
    CloseCode.NO_CONTACT_PATROL: (
        "Geen contact, patrouille gestuurd",
        "Pas de contact, patrouille envoyée",
        "Kein Kontakt, Streife geschickt",
        "No contact, patrol sent",
    ),
    CloseCode.TECHNICAL: (
        "Technische storing",
        "Panne technique",
        "Technische Störung",
        "Technical fault",
    ),
    CloseCode.DUPLICATE: ("Dubbel", "Doublon", "Doppelt", "Duplicate"),
    CloseCode.NETWORK: (
        "Weer of netwerk",
        "Météo ou réseau",
        "Wetter oder Netz",
        "Weather or network",
    ),
    CloseCode.TRAINING: ("Opleiding", "Formation", "Schulung", "Training"),
}


def names_of(code: CloseCode) -> dict[str, str]:
    """What the code is called, by language."""
    return dict(zip(_LANGUAGES, _NAMES[code], strict=True))
