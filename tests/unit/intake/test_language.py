import pytest

from services.intake.domain.language import language_code, language_of, written_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我的 iPhone 在 App Store 无法 update", "zh"),
        ("Where is my card?", "en"), ("Hola, mi tarjeta no funciona", "es"),
        ("こんにちは、注文について", "ja"), ("안녕하세요", "ko"), ("Где моя карта", "ru"), ("12345", None), ("", None),
        ("Bonjour, je ne peux pas payer avec ma carte", "fr"), ("Ich kann meine Karte nicht benutzen", "de"),
    ],
)  # fmt: skip
def test_RT_7_language_of_a_text(text: str, language: str | None) -> None:
    assert written_language(text) == language


@pytest.mark.parametrize(
    ("stated", "code"), [("zh-CN", "zh"), ("EN", "en"), ("zh_Hant", "zh"), ("Chinese", None), ("", None), (None, None)]
)
def test_a_stated_language_is_reduced_to_its_code(stated: str | None, code: str | None) -> None:
    assert language_code(stated) == code


def test_RT_7_stated_before_written_before_known_before_default() -> None:
    assert language_of("你好", stated="en-GB", known="es", default="zh") == "en"
    assert language_of("你好", stated=None, known="es", default="en") == "zh"
    assert language_of("123", stated=None, known="es", default="en") == "es"
    assert language_of("123", stated="??", known=None, default="en") == "en"
