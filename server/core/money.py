"""Currencies, the largest amount there is, and rounding: money is integers of minor units.

Read by template_rules, orders, apportionment and quotes.
"""

# ISO 4217: active codes by their number of decimals. Codes of four decimals are units of account,
# nobody pays in them.
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
        CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ
        GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
        MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
        PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
        TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

DECIMALS: dict[str, int] = {
    currency: decimals for decimals, codes in _DECIMALS.items() for currency in codes.split()
}

# A hundred lines of this still add up below 2**53, where JavaScript's integers end.
MAX_MINOR = 10**12


def half_up(numerator: int, denominator: int) -> int:
    """Numerator / denominator, a half rounded up. Both at least 0, the denominator not 0."""
    return (2 * numerator + denominator) // (2 * denominator)
