"""The continent of a country, as the United Nations' M49 groups them (unstats.un.org/unsd/methodology/m49).

The Americas are parted as M49 parts them: Central America and the Caribbean go with the north. A flight over
the Asian part of Russia or Turkey counts for the continent of the country: no more is claimed than that.
"""

from __future__ import annotations

from typing import Final

_LISTS: Final = {
    "Africa": "DZA AGO BEN BWA BFA BDI CPV CMR CAF TCD COM COG COD CIV DJI EGY GNQ ERI SWZ ETH GAB "
    "GMB GHA GIN GNB KEN LSO LBR LBY MDG MWI MLI MRT MUS MAR MOZ NAM NER NGA RWA STP SEN "
    "SYC SLE SOM ZAF SSD SDN TZA TGO TUN UGA ZMB ZWE ESH SHN",
    "Asia": "AFG ARM AZE BHR BGD BTN BRN KHM CHN CYP GEO IND IDN IRN IRQ ISR JPN JOR KAZ KWT KGZ "
    "LAO LBN MYS MDV MNG MMR NPL PRK OMN PAK PSE PHL QAT SAU SGP KOR LKA SYR TWN TJK THA "
    "TLS TUR TKM ARE UZB VNM YEM HKG MAC",
    "Europe": "ALB AND AUT BLR BEL BIH BGR HRV CZE DNK EST FIN FRA DEU GRC HUN ISL IRL ITA LVA LIE "
    "LTU LUX MLT MDA MCO MNE NLD MKD NOR POL PRT ROU RUS SMR SRB SVK SVN ESP SWE CHE UKR "
    "GBR VAT FRO GGY IMN JEY ALA",
    "North America": "ATG BHS BRB BLZ CAN CRI CUB DMA DOM SLV GRD GTM HTI HND JAM MEX NIC PAN KNA LCA VCT "
    "TTO USA GRL PRI BMU CYM ABW CUW AIA VGB VIR MSR TCA SPM MAF SXM BLM",
    "South America": "ARG BOL BRA CHL COL ECU GUY PRY PER SUR URY VEN FLK",
    "Oceania": "AUS FJI KIR MHL FSM NRU NZL PLW PNG WSM SLB TON TUV VUT GUM NCL PYF ASM MNP COK NIU "
    "WLF NFK PCN",
}  # fmt: skip

CONTINENT: Final = {code: name for name, codes in _LISTS.items() for code in codes.split()}


def continent_of(code: str) -> str:
    """Return the continent of a country by its three-letter code, '' for one that is not listed."""
    return CONTINENT.get(code, "")
