"""Globex, a shop for home goods."""

from __future__ import annotations

from shop.demo.catalogues.entries import DemoGoods, DemoOrder
from shop.orders.services import CustomerDetails

CATEGORIES = ("Table", "Light", "Furniture", "Textiles", "Greens and walls")

_POTTERY, _LIGHT, _WOOD, _LOOM = "Haldor Pottery", "Lumen & Sons", "Aske Woodworks", "North Loom"

GOODS = (
    DemoGoods(
        name="Linen kitchen towel", category="Textiles", pictures=("towel",), price="14.00",
        stock={"": 40}, vendor=_LOOM, weight_grams=120,
        description=(
            "Stone-washed linen with three woven stripes. "
            "It dries glasses without lint and gets softer with every wash."
        ),
    ),
    DemoGoods(
        name="Rolling hills print", category="Greens and walls", pictures=("poster-1", "poster-2"),
        price="38.00", option="Colour", stock={"Dusk": 12, "Dawn": 7}, vendor="Atelier Ruo",
        description="A risograph print on heavy cotton paper, 50 × 70 cm, in an oiled oak frame. Ready to hang.",
    ),
    DemoGoods(
        name="Cast-iron casserole", category="Table", pictures=("pan-1", "pan-2"), price="129.00",
        before="149.00", option="Colour", stock={"Pine": 5, "Cherry": 3}, vendor="Holm Iron", weight_grams=4300,
        description="Enamelled cast iron that holds its heat for an hour. Four litres, for the stove and the oven.",
    ),
    DemoGoods(
        name="Wall clock", category="Greens and walls", pictures=("clock",), price="64.00",
        stock={"": 9}, vendor="Tid Works",
        description="A silent sweep movement behind real glass. One AA cell keeps it going for about two years.",
    ),
    DemoGoods(
        name="Willow basket", category="Textiles", pictures=("basket",), price="42.00",
        stock={"": 0}, vendor="Maren Weaves", weight_grams=900,
        description="Woven by hand from peeled willow. Carries a week of bread, a picnic or all the wool you own.",
    ),
    DemoGoods(
        name="Dinner plate", category="Table", pictures=("plate-1", "plate-2"), price="22.00",
        option="Glaze", stock={"Oat": 48, "Slate": 36}, vendor=_POTTERY, weight_grams=680,
        description="Thrown in stoneware, 27 cm across, with a dotted rim. Safe in oven, microwave and dishwasher.",
    ),
    DemoGoods(
        name="Three-legged stool", category="Furniture", pictures=("stool",), price="89.00",
        stock={"": 14}, vendor=_WOOD, weight_grams=3200,
        description="Solid ash with wedged tenons: it can be a seat, a side table or a ladder to the top shelf.",
    ),
    DemoGoods(
        name="Wool blanket", category="Textiles", pictures=("blanket-1", "blanket-2", "blanket-3"),
        price="118.00", option="Colour", stock={"Rowan": 6, "Fjord": 2, "Honey": 8}, vendor=_LOOM, weight_grams=1400,
        description="Pure new wool, woven in one piece with a fringed edge, 130 × 200 cm. Warm without being heavy.",
    ),
    DemoGoods(
        name="Nesting bowls", category="Table", pictures=("bowl",), price="58.00", before="72.00",
        stock={"": 17}, vendor=_POTTERY, weight_grams=1600,
        description="A set of three, each glazed a shade lighter than the next. They stack into the space of one.",
    ),
    DemoGoods(
        name="Oak writing table", category="Furniture", pictures=("table",), price="640.00",
        stock={"": 2}, vendor=_WOOD, weight_grams=24000,
        description=(
            "Oiled oak, 140 × 70 cm, with rounded edges and room for the knees. "
            "Arrives with four legs to screw in."
        ),
    ),
    DemoGoods(
        name="Scented candle", category="Light", pictures=("candle-1", "candle-2", "candle-3"),
        price="26.00", option="Scent", stock={"Fig": 22, "Pine": 30, "Honey": 0}, vendor="Glimt",
        description="Rapeseed wax in a glass that becomes a tumbler afterwards. Burns for some forty hours.",
    ),
    DemoGoods(
        name="Tall bookcase", category="Furniture", pictures=("shelf",), price="420.00",
        stock={"": 4}, vendor=_WOOD, weight_grams=38000,
        description="Three deep shelves that do not sag, with a back panel so that nothing falls behind.",
    ),
    DemoGoods(
        name="Enamel kettle", category="Table", pictures=("kettle-1", "kettle-2"), price="74.00",
        option="Colour", stock={"Poppy": 11, "Denim": 4}, vendor="Holm Iron", weight_grams=1500,
        description="Two litres, for gas and induction, with a beech handle that stays cool. It sings when it boils.",
    ),
    DemoGoods(
        name="Pendant lamp", category="Light", pictures=("pendant-1", "pendant-2"), price="145.00",
        option="Colour", stock={"Spruce": 7, "Amber": 5}, vendor=_LIGHT, weight_grams=1900,
        description="A spun metal shade, white inside, on two metres of cloth cable. For a bulb of up to 60 W (E27).",
    ),
    DemoGoods(
        name="Striped cushion", category="Textiles", pictures=("cushion-1", "cushion-2"), price="34.00",
        before="46.00", option="Colour", stock={"Harbour": 13, "Brick": 9}, vendor=_LOOM, weight_grams=600,
        description="Woven cotton with tufted corners, 45 × 45 cm. The cover comes off and may be washed at 40 °C.",
    ),
    DemoGoods(
        name="Espresso cup", category="Table", pictures=("mug-1",), price="16.00", stock={"": 60},
        vendor=_POTTERY, weight_grams=180,
        description="Thick-walled stoneware for a short coffee, dipped in a second glaze by hand.",
    ),
    DemoGoods(
        name="Dining chair", category="Furniture", pictures=("chair-1", "chair-2", "chair-3"),
        price="210.00", option="Colour", stock={"Moss": 8, "Straw": 6, "Dusk": 0}, vendor=_WOOD, weight_grams=6200,
        description=(
            "A padded shell on walnut legs. Sit through a long dinner; "
            "the cover can be changed in five minutes."
        ),
    ),
    DemoGoods(
        name="Bud vase", category="Table", pictures=("vase-1",), price="32.00", stock={"": 5},
        vendor=_POTTERY, weight_grams=450,
        description=(
            "A narrow neck for three stems and no more. "
            "Every one is a little different: it is thrown, not cast."
        ),
    ),
    DemoGoods(
        name="Bedside lamp", category="Light", pictures=("lamp-1", "lamp-2"), price="96.00",
        option="Colour", stock={"Sage": 10, "Peach": 12}, vendor=_LIGHT, weight_grams=1700,
        description=(
            "A cotton shade on a brass stem, with a dimmer in the cord. "
            "Warm enough to read by, soft enough to doze off."
        ),
    ),
    DemoGoods(
        name="Beeswax pillar", category="Light", pictures=("candle-4",), price="19.00", stock={"": 3},
        vendor="Glimt",
        description="Poured from the wax of one valley's bees. It smells of honey without anything added.",
    ),
    DemoGoods(
        name="Moon print", category="Greens and walls", pictures=("poster-3",), price="38.00",
        stock={"": 15}, vendor="Atelier Ruo",
        description="Night over quiet water, risograph on cotton paper, 50 × 70 cm, in an oiled oak frame.",
    ),
    DemoGoods(
        name="Rubber plant", category="Greens and walls", pictures=("plant-1", "plant-2"), price="48.00",
        option="Pot", stock={"Terracotta": 9, "Chalk": 6}, vendor="Grønt", weight_grams=2800,
        prices={"Chalk": "54.00"},
        description=(
            "About 60 cm tall, in a pot with a saucer. Wants light, "
            "a drink a week, and otherwise to be left alone."
        ),
    ),
    DemoGoods(
        name="Terracotta vase", category="Table", pictures=("vase-2",), price="54.00", before="68.00",
        stock={"": 7}, vendor=_POTTERY, weight_grams=1300,
        description="Unglazed outside, sealed inside, with room for a whole armful from the hedge.",
    ),
    DemoGoods(
        name="Stoneware mug", category="Table", pictures=("mug-2", "mug-3", "mug-4"), price="24.00",
        option="Glaze", stock={"Ember": 32, "Sage": 18, "Ink": 0}, vendor=_POTTERY, weight_grams=380,
        description=(
            "Holds a proper third of a litre and sits well in the hand. "
            "Dipped twice, so that no two lines are the same."
        ),
    ),
)  # fmt: skip

_IRIS = CustomerDetails(name="Iris Falk", email="iris@example.com", phone="+1 206 555 0119")

ORDERS = (
    DemoOrder(
        customer=_IRIS,
        address="77 Orchard Lane\nSeattle, WA 98103",
        goods={"stoneware-mug": 4, "dinner-plate": 4, "nesting-bowls": 1},
        is_paid=True,
        is_shipped=True,
        days_ago=9,
    ),
    DemoOrder(
        customer=CustomerDetails(name="Tomás Rivera", email="tomas@example.com", phone="+1 512 555 0163"),
        address="1450 Barton Hills Drive\nAustin, TX 78704",
        goods={"bedside-lamp": 2},
        is_paid=True,
        days_ago=2,
    ),
    DemoOrder(customer=_IRIS, address="77 Orchard Lane\nSeattle, WA 98103", goods={"wool-blanket": 1}),
)
