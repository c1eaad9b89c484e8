"""The customer's language (RT-7): what he states, else what he writes, else what is known of him."""

import re

_CJK = re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_CODE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_WORDS = re.compile(r"[a-záéíóúñüàâçèêëîïôûœäöß']+")
_SAMPLE = 400

_STOP_WORDS = {
    "en": "the is are was i my you your it to and not have has can cannot do does how what why when with please of for "
    "hello hi thanks thank",
    "es": "el la los las es son está mi tu su yo y no que de por para con una un cómo qué cuándo dónde hola gracias",
    "fr": "le les est sont je mon ma vous votre et ne pas que pour avec une un comment quand où bonjour merci des du",
    "de": "der die das ist sind ich mein meine sie ihr und nicht mit ein eine wie wann wo bitte danke für auf von",
    "pt": "o os as é são eu meu minha você e não que de por para com uma um como quando onde olá obrigado",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _list in _STOP_WORDS.items():
    for _word in _list.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)


def language_code(stated: str | None) -> str | None:
    """`zh-CN` -> `zh`; None for what is no language code."""
    match = _CODE.match((stated or "").strip().lower())
    return match.group() if match else None


def written_language(text: str) -> str | None:
    """The language of a text, None when it does not show. Chinese with English names in it is Chinese."""
    sample = text[:_SAMPLE]
    if not sample.isascii():
        if _KANA.search(sample):
            return "ja"
        if _HANGUL.search(sample):
            return "ko"
        if _CJK.search(sample):
            return "zh"
        if _CYRILLIC.search(sample):
            return "ru"
    return _by_stop_words(sample)


def _by_stop_words(text: str) -> str | None:
    counts: dict[str, int] = {}
    for word in _WORDS.findall(text.lower()):
        for language in _LANGUAGES_OF.get(word, ()):
            counts[language] = counts.get(language, 0) + 1
    return max(counts, key=lambda language: counts[language]) if counts else None


def language_of(text: str, *, stated: str | None, known: str | None, default: str) -> str:
    return language_code(stated) or written_language(text) or language_code(known) or default
