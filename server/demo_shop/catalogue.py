"""The courses that the shop sells, with their prices.

Read by `cart`, and sent to browsers by `routes`. A school's own shop would read a database instead.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

CURRENCY: Final = "CNY"
MAX_QUANTITY: Final = 9


@dataclass(frozen=True, slots=True)
class Words:
    """A text in Chinese and in English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Course:
    """A course. `price` is the current price, `list_price` the original one, both in minor units."""

    id: str
    name: Words
    about: Words
    list_price: int
    price: int
    packages: tuple[str, ...]
    is_shipped: bool = False


COURSES: Final = (
    Course(
        "algebra-1",
        Words("代数入门", "Algebra from the start"),
        Words("十六讲 · 从字母到方程", "16 lessons, from letters to equations"),
        9_900,
        8_000,
        ("maths",),
    ),
    Course(
        "algebra-2",
        Words("代数进阶", "Algebra, further"),
        Words("二十讲 · 函数与不等式", "20 lessons, functions and inequalities"),
        16_800,
        12_800,
        ("maths",),
    ),
    Course(
        "writing-1",
        Words("写作工坊", "Writing workshop"),
        Words("八次练笔 · 每篇有批改", "8 essays, each one marked"),
        3_000,
        3_000,
        ("language",),
    ),
    Course(
        "reading-1",
        Words("经典共读", "Reading together"),
        Words("六本书 · 每周一次讨论", "6 books, one talk a week"),
        3_900,
        3_000,
        ("language",),
    ),
    Course(
        "physics-1",
        Words("物理实验盒", "Physics in a box"),
        Words("十二个实验 · 器材寄到家", "12 experiments, the kit comes by post"),
        15_900,
        15_900,
        ("science",),
        is_shipped=True,
    ),
)
BY_ID: Final[Mapping[str, Course]] = {course.id: course for course in COURSES}

SHIPPING_ID: Final = "shipping"
SHIPPING_NAME: Final = Words("配送费", "Shipping")
SHIPPING_PRICE: Final = 1_200  # for each order, whatever is in it


def catalogue_response() -> dict[str, object]:
    """Return the catalogue as browsers get it."""
    return {
        "currency": CURRENCY,
        "most_of_one": MAX_QUANTITY,
        "courses": [asdict(course) for course in COURSES],
        "shipping": {"name": asdict(SHIPPING_NAME), "price": SHIPPING_PRICE},
    }
