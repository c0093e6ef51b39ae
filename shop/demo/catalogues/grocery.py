"""Initech, a Korean grocer."""

from __future__ import annotations

from shop.demo.catalogues.entries import DemoGoods, DemoOrder
from shop.orders.services import CustomerDetails

CATEGORIES = ("과일", "채소", "쌀·면", "장·김치", "정육·수산", "빵·유제품", "선물")

_FARM, _JANG, _MILL, _SEA = "햇살농원", "순창 옛장", "이천 방앗간", "통영 바다"

GOODS = (
    DemoGoods(
        name="국산콩 두부", category="빵·유제품", pictures=("tofu",), price="3900", stock={"": 34},
        vendor="콩마을", weight_grams=500,
        description="국산 콩을 맷돌 방식으로 갈아 천연 간수로 굳혔습니다. 따뜻하게 데쳐 김치와 함께 드시면 좋습니다.",
    ),
    DemoGoods(
        name="햇감자", category="채소", pictures=("potato",), price="5900", option="중량",
        stock={"1kg": 40, "3kg": 22, "5kg": 0}, prices={"3kg": "15900", "5kg": "24900"}, vendor="강릉 감자밭",
        weight_grams=1000, description="포슬포슬한 강원도 햇감자입니다. 쪄 먹어도, 조림으로도, 전으로도 맛있습니다.",
    ),
    DemoGoods(
        name="생표고버섯", category="채소", pictures=("mushroom",), price="6900", stock={"": 18},
        vendor="장흥 참나무골", weight_grams=300,
        description="참나무 원목에서 천천히 키워 향이 깊습니다. 기둥까지 버리지 말고 국물에 넣어 보세요.",
    ),
    DemoGoods(
        name="조선간장", category="장·김치", pictures=("bottle",), price="14900", stock={"": 25},
        vendor=_JANG, weight_grams=900,
        description="메주와 소금, 물로만 담가 이 년을 기다린 간장입니다. 국과 나물에 한 숟가락이면 충분합니다.",
    ),
    DemoGoods(
        name="대파", category="채소", pictures=("scallion",), price="2900", stock={"": 52},
        vendor=_FARM, weight_grams=700,
        description="흰 줄기가 길고 단단한 대파 한 단. 송송 썰어 얼려 두면 오래 쓸 수 있습니다.",
    ),
    DemoGoods(
        name="메밀국수", category="쌀·면", pictures=("noodles",), price="5500", stock={"": 30},
        vendor=_MILL, weight_grams=400,
        description="메밀 함량 60%의 구수한 국수입니다. 사 분 삶아 찬물에 헹구면 쫄깃합니다.",
    ),
    DemoGoods(
        name="나주배", category="과일", pictures=("pear",), price="9900", before="12900",
        option="개수", stock={"2개": 16, "5개": 9}, prices={"5개": "23900"}, vendor="나주 배밭", weight_grams=1300,
        description="아삭하고 물이 많은 신고배입니다. 껍질째 씻어 한 입 베어 물면 갈증이 사라집니다.",
    ),
    DemoGoods(
        name="고등어 두 손", category="정육·수산", pictures=("fish",), price="12900", stock={"": 8},
        vendor=_SEA, weight_grams=800,
        description="통영에서 잡아 바로 손질하고 천일염으로 간한 고등어입니다. 굽기만 하면 저녁상이 완성됩니다.",
    ),
    DemoGoods(
        name="방사 유정란", category="빵·유제품", pictures=("egg",), price="7900", option="개수",
        stock={"10구": 28, "20구": 12}, prices={"20구": "14900"}, vendor="들꽃농장", weight_grams=600,
        description="마당에서 뛰노는 닭이 낳은 달걀입니다. 매일 아침 거두어 그날 보냅니다.",
    ),
    DemoGoods(
        name="제주 무", category="채소", pictures=("radish",), price="2500", stock={"": 33},
        vendor="제주 밭담", weight_grams=1500,
        description="달고 단단한 겨울 무. 생채, 깍두기, 뭇국 어디에나 어울립니다.",
    ),
    DemoGoods(
        name="찹쌀 고추장", category="장·김치", pictures=("jar",), price="16900", stock={"": 21},
        vendor=_JANG, weight_grams=1000,
        description="햇고추와 찹쌀로 빚어 항아리에서 익힌 고추장. 맵기보다 깊은 맛이 먼저 옵니다.",
    ),
    DemoGoods(
        name="통밀 식빵", category="빵·유제품", pictures=("bread",), price="6500", stock={"": 11},
        vendor="새벽빵집", weight_grams=480,
        description="우리밀 통밀과 천연 발효종으로 스무 시간 숙성했습니다. 주문하신 날 아침에 굽습니다.",
    ),
    DemoGoods(
        name="샤인머스캣", category="과일", pictures=("grapes",), price="18900", before="24900",
        stock={"": 13}, vendor="김천 포도원", weight_grams=700,
        description="씨 없이 껍질째 먹는 청포도. 망고처럼 달고 껍질이 얇습니다.",
    ),
    DemoGoods(
        name="흙당근", category="채소", pictures=("carrot",), price="3500", stock={"": 27},
        vendor="제주 밭담", weight_grams=1000,
        description="씻지 않아 더 오래 갑니다. 주스로 갈면 설탕이 필요 없습니다.",
    ),
    DemoGoods(
        name="한우 불고기", category="정육·수산", pictures=("meat",), price="27900", option="중량",
        stock={"300g": 10, "600g": 4}, prices={"600g": "53900"}, vendor="횡성 목장", weight_grams=300,
        description="1등급 한우를 결대로 얇게 썰었습니다. 당일 작업해 냉장으로 보냅니다.",
    ),
    DemoGoods(
        name="포기김치", category="장·김치", pictures=("cabbage",), price="21900", option="중량",
        stock={"2kg": 15, "5kg": 6}, prices={"5kg": "49900"}, vendor="어머니 손맛", weight_grams=2000,
        description=(
            "해남 배추를 하룻밤 절여 새우젓과 고춧가루로 버무렸습니다. "
            "받으신 뒤 이틀쯤 익히면 가장 맛있습니다."
        ),
    ),
    DemoGoods(
        name="청양고추", category="채소", pictures=("pepper",), price="2900", stock={"": 3},
        vendor=_FARM, weight_grams=150,
        description="작지만 맵습니다. 찌개에 두 개면 온 집안이 시원해집니다.",
    ),
    DemoGoods(
        name="전통 한과 세트", category="선물", pictures=("box-1",), price="42000", stock={"": 12},
        vendor="담양 한과방", weight_grams=1200,
        description="유과와 약과, 정과를 한 상자에 담았습니다. 조청으로 단맛을 내어 달지 않고 고소합니다.",
    ),
    DemoGoods(
        name="목장 우유", category="빵·유제품", pictures=("carton",), price="4200", stock={"": 36},
        vendor="대관령 목장", weight_grams=1000,
        description="저온 살균으로 고소함을 살렸습니다. 착유한 다음 날 받아 보실 수 있습니다.",
    ),
    DemoGoods(
        name="항아리 된장", category="장·김치", pictures=("crock",), price="19900", stock={"": 0},
        vendor=_JANG, weight_grams=1000,
        description="세 번의 겨울을 난 된장입니다. 다음 항아리는 봄에 엽니다.",
    ),
    DemoGoods(
        name="제주 감귤", category="과일", pictures=("citrus",), price="12900", option="중량",
        stock={"2kg": 30, "5kg": 17}, prices={"5kg": "27900"}, vendor="서귀포 귤밭", weight_grams=2000,
        description="왁스를 입히지 않은 노지 감귤. 크기는 제각각이지만 당도는 고릅니다.",
    ),
    DemoGoods(
        name="명절 과일 상자", category="선물", pictures=("box-2",), price="59000", before="69000",
        stock={"": 8}, vendor=_FARM, weight_grams=6000,
        description="사과와 배를 여섯 개씩 골라 보자기에 곱게 쌌습니다. 손글씨 카드를 함께 넣어 드립니다.",
    ),
    DemoGoods(
        name="단팥빵", category="빵·유제품", pictures=("bun",), price="2400", stock={"": 24},
        vendor="새벽빵집", weight_grams=120,
        description="팥알이 씹히는 소를 듬뿍 넣었습니다. 우유 한 잔과 함께 드세요.",
    ),
    DemoGoods(
        name="이천 햅쌀", category="쌀·면", pictures=("sack",), price="36900", before="39900",
        option="중량", stock={"5kg": 2, "10kg": 14}, prices={"10kg": "68900"}, vendor=_MILL, weight_grams=5000,
        description="올가을에 거두어 주문 후 도정합니다. 밥을 지으면 윤기가 흐르고 식어도 찰집니다.",
    ),
    DemoGoods(
        name="설향 딸기", category="과일", pictures=("strawberry",), price="13900", stock={"": 19},
        vendor="논산 딸기마을", weight_grams=500,
        description="새벽에 따서 그날 보내는 딸기. 향이 진하고 신맛이 적습니다.",
    ),
    DemoGoods(
        name="청송 꿀사과", category="과일", pictures=("apple",), price="15900", option="중량",
        stock={"2kg": 26, "5kg": 11}, prices={"5kg": "34900"}, vendor="청송 사과밭", weight_grams=2000,
        description="해발 사백 미터의 큰 일교차가 꿀을 만듭니다. 반으로 가르면 별처럼 박힌 꿀이 보입니다.",
    ),
)  # fmt: skip

_JIWOO = CustomerDetails(name="김지우", email="jiwoo@example.com", phone="010-5550-0101")

ORDERS = (
    DemoOrder(
        customer=_JIWOO,
        address="서울특별시 마포구 성미산로 25, 302호\n03969",
        goods={"청송-꿀사과": 1, "목장-우유": 2, "통밀-식빵": 1},
        is_paid=True,
        is_shipped=True,
        days_ago=9,
    ),
    DemoOrder(
        customer=CustomerDetails(name="박서준", email="seojun@example.com", phone="010-5550-0128"),
        address="부산광역시 수영구 광안해변로 219\n48303",
        goods={"포기김치": 1, "이천-햅쌀": 1},
        is_paid=True,
        days_ago=2,
    ),
    DemoOrder(
        customer=CustomerDetails(name="이하은", email="haeun@example.com", phone="010-5550-0164"),
        address="대전광역시 유성구 대학로 99\n34134",
        goods={"한우-불고기": 2, "대파": 1},
    ),
)
