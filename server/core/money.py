"""Money: currencies, the largest amount, and rounding. Amounts are integers of minor units.

Used by template_rules, orders, apportionment, discounts and paid_orders.
"""

# ISO 4217: active codes by their number of decimals. Codes of four decimals are left out: they are units of
# account, not means of payment.
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

# In minor units. A hundred lines of this amount add up to less than 2**53, where JavaScript's integers end.
MAX_MINOR = 10**12


def half_up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator, a half rounded up. The numerator must be at least 0, the denominator
    above 0."""
    return (2 * numerator + denominator) // (2 * denominator)
