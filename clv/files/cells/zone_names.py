"""Time zones by the names that exports give them, beside those of the IANA database."""

# Names of ActiveSupport::TimeZone, as Ruby on Rails writes them, by their zone.
_RAILS_NAMES = """
Africa/Algiers: West Central Africa
Africa/Cairo: Cairo
Africa/Casablanca: Casablanca
Africa/Harare: Harare
Africa/Johannesburg: Pretoria
Africa/Monrovia: Monrovia
Africa/Nairobi: Nairobi
America/Argentina/Buenos_Aires: Buenos Aires
America/Bogota: Bogota
America/Caracas: Caracas
America/Chicago: Central Time (US & Canada)
America/Chihuahua: Chihuahua
America/Denver: Mountain Time (US & Canada)
America/Godthab: Greenland
America/Guatemala: Central America
America/Guyana: Georgetown
America/Halifax: Atlantic Time (Canada)
America/Indiana/Indianapolis: Indiana (East)
America/Juneau: Alaska
America/La_Paz: La Paz
America/Lima: Lima; Quito
America/Los_Angeles: Pacific Time (US & Canada)
America/Mazatlan: Mazatlan
America/Mexico_City: Guadalajara; Mexico City
America/Monterrey: Monterrey
America/Montevideo: Montevideo
America/New_York: Eastern Time (US & Canada)
America/Phoenix: Arizona
America/Puerto_Rico: Puerto Rico
America/Regina: Saskatchewan
America/Santiago: Santiago
America/Sao_Paulo: Brasilia
America/St_Johns: Newfoundland
America/Tijuana: Tijuana
Asia/Almaty: Almaty
Asia/Baghdad: Baghdad
Asia/Baku: Baku
Asia/Bangkok: Bangkok; Hanoi
Asia/Chongqing: Chongqing
Asia/Colombo: Sri Jayawardenepura
Asia/Dhaka: Astana; Dhaka
Asia/Hong_Kong: Hong Kong
Asia/Irkutsk: Irkutsk
Asia/Jakarta: Jakarta
Asia/Jerusalem: Jerusalem
Asia/Kabul: Kabul
Asia/Kamchatka: Kamchatka
Asia/Karachi: Islamabad; Karachi
Asia/Kathmandu: Kathmandu
Asia/Kolkata: Chennai; Kolkata; Mumbai; New Delhi
Asia/Krasnoyarsk: Krasnoyarsk
Asia/Kuala_Lumpur: Kuala Lumpur
Asia/Kuwait: Kuwait
Asia/Magadan: Magadan
Asia/Muscat: Abu Dhabi; Muscat
Asia/Novosibirsk: Novosibirsk
Asia/Rangoon: Rangoon
Asia/Riyadh: Riyadh
Asia/Seoul: Seoul
Asia/Shanghai: Beijing
Asia/Singapore: Singapore
Asia/Srednekolymsk: Srednekolymsk
Asia/Taipei: Taipei
Asia/Tashkent: Tashkent
Asia/Tbilisi: Tbilisi
Asia/Tehran: Tehran
Asia/Tokyo: Osaka; Sapporo; Tokyo
Asia/Ulaanbaatar: Ulaanbaatar
Asia/Urumqi: Urumqi
Asia/Vladivostok: Vladivostok
Asia/Yakutsk: Yakutsk
Asia/Yekaterinburg: Ekaterinburg
Asia/Yerevan: Yerevan
Atlantic/Azores: Azores
Atlantic/Cape_Verde: Cape Verde Is.
Atlantic/South_Georgia: Mid-Atlantic
Australia/Adelaide: Adelaide
Australia/Brisbane: Brisbane
Australia/Darwin: Darwin
Australia/Hobart: Hobart
Australia/Melbourne: Canberra; Melbourne
Australia/Perth: Perth
Australia/Sydney: Sydney
Etc/UTC: UTC
Europe/Amsterdam: Amsterdam
Europe/Athens: Athens
Europe/Belgrade: Belgrade
Europe/Berlin: Berlin
Europe/Bratislava: Bratislava
Europe/Brussels: Brussels
Europe/Bucharest: Bucharest
Europe/Budapest: Budapest
Europe/Copenhagen: Copenhagen
Europe/Dublin: Dublin
Europe/Helsinki: Helsinki
Europe/Istanbul: Istanbul
Europe/Kaliningrad: Kaliningrad
Europe/Kiev: Kyiv
Europe/Lisbon: Lisbon
Europe/Ljubljana: Ljubljana
Europe/London: Edinburgh; London
Europe/Madrid: Madrid
Europe/Minsk: Minsk
Europe/Moscow: Moscow; St. Petersburg
Europe/Paris: Paris
Europe/Prague: Prague
Europe/Riga: Riga
Europe/Rome: Rome
Europe/Samara: Samara
Europe/Sarajevo: Sarajevo
Europe/Skopje: Skopje
Europe/Sofia: Sofia
Europe/Stockholm: Stockholm
Europe/Tallinn: Tallinn
Europe/Vienna: Vienna
Europe/Vilnius: Vilnius
Europe/Volgograd: Volgograd
Europe/Warsaw: Warsaw
Europe/Zagreb: Zagreb
Europe/Zurich: Bern; Zurich
Pacific/Apia: Samoa
Pacific/Auckland: Auckland; Wellington
Pacific/Chatham: Chatham Is.
Pacific/Fakaofo: Tokelau Is.
Pacific/Fiji: Fiji
Pacific/Guadalcanal: Solomon Is.
Pacific/Guam: Guam
Pacific/Honolulu: Hawaii
Pacific/Majuro: Marshall Is.
Pacific/Midway: International Date Line West; Midway Island
Pacific/Noumea: New Caledonia
Pacific/Pago_Pago: American Samoa
Pacific/Port_Moresby: Port Moresby
Pacific/Tongatapu: Nuku'alofa
"""
# Abbreviations, in hours from UTC: those of America as RFC 5322 has them, and those of other places
# that mean one thing in practice. IST (India, Israel, Ireland) does not. An abbreviation is an
# offset all the year: CET is one hour also in summer, when local time is called CEST.
_HOURS = """
UTC 0, UT 0, GMT 0, Z 0, WET 0, WEST 1, BST 1, CET 1, CEST 2, MEZ 1, MESZ 2, EET 2, EEST 3, MSK 3,
SAST 2, JST 9, KST 9, HKT 8, SGT 8, AWST 8, ACST 9.5, ACDT 10.5, AEST 10, AEDT 11, NZST 12, NZDT 13,
NST -3.5, NDT -2.5, EST -5, EDT -4, CST -6, CDT -5, MST -7, MDT -6, PST -8, PDT -7, AKST -9,
AKDT -8, HST -10, BRT -3
"""

ZONE_OF_RAILS_NAME = {
    name: zone
    for zone, names in (line.split(": ") for line in _RAILS_NAMES.strip().splitlines())
    for name in names.split("; ")
}
HOURS_OF_ABBREVIATION = {
    name: float(hours) for name, hours in (pair.split() for pair in _HOURS.split(","))
}
