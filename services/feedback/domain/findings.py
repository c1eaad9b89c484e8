"""What the figures of a month say, in two to four sentences, Chinese or English."""

from services.feedback.domain.figures import Group
from services.feedback.domain.report import Report


def findings(report: Report, language: str, *, few: int) -> tuple[str, ...]:
    """Nothing is concluded from fewer than `few` answers."""
    zh = language == "zh"
    said = [_volume(report, zh), _satisfaction(report, zh, few), _promises(report, zh), _improvements(report, zh)]
    return tuple(sentence for sentence in said if sentence)


def _volume(report: Report, zh: bool) -> str:
    taken, before = report.whole.taken, report.before.taken
    if not taken:
        return "本月没有新工单。" if zh else "No case was opened this month."
    top = report.categories[0]
    name, share = top.key or ("未分类" if zh else "no category"), _percent(top.figures.taken / taken)
    if zh:
        most = f"最多的问题是“{name}”，{top.figures.taken} 件，占 {share}。"
        return f"本月受理 {taken} 件{_trend(taken, before, zh)}；{most}"
    return (
        f"{taken} cases were opened{_trend(taken, before, zh)}; most were about “{name}”: {top.figures.taken}, {share}."
    )


def _trend(now: int, before: int, zh: bool) -> str:
    if not before:
        return "（上月无数据）" if zh else " (nothing to compare with in the month before)"
    change = round(100 * (now - before) / before)
    if zh:
        return (
            f"，与上月持平（{before} 件）"
            if not change
            else f"，较上月{'增加' if change > 0 else '减少'} {abs(change)}%"
        )
    return f", as in the month before ({before})" if not change else f", {change:+d}% on the month before"


def _satisfaction(report: Report, zh: bool, few: int) -> str:
    whole = report.whole
    if whole.csat is None or whole.csat_share is None or whole.answers < few:
        told = (
            f"仅收到 {whole.answers} 份评价，不足以得出结论。",
            f"{whole.answers} answers are too few to conclude from.",
        )
        return told[0] if zh else told[1]
    share = _percent(whole.csat_share)
    worst = _worst(report, few)
    if zh:
        where = f"最低的是{worst.key}（{worst.figures.csat}）。" if worst else "各组之间尚不足以比较。"
        return f"客户满意度均值 {whole.csat} 分，{share} 的客户满意（{whole.answers} 份评价）；{where}"
    where = f"lowest in {worst.key} ({worst.figures.csat})." if worst else "too few per team to compare teams."
    return f"Satisfaction averages {whole.csat} of 5 and {share} are satisfied ({whole.answers} answers); {where}"


def _worst(report: Report, few: int) -> Group | None:
    """The least satisfying of the teams that can be compared."""
    known = [(team.figures.csat, team.key, team) for team in report.teams if team.figures.answers >= few and team.key]
    ranked = sorted((csat, key, team) for csat, key, team in known if csat is not None)
    return ranked[0][2] if len(ranked) > 1 else None


def _promises(report: Report, zh: bool) -> str:
    whole = report.whole
    if whole.sla_kept is None:
        return ""
    kept, fcr = _percent(whole.sla_kept), _percent(whole.fcr or 0)
    if zh:
        return f"时限达成率 {kept}（{whole.promised} 件）；已解决工单中 {fcr} 一次解决。"
    return f"{kept} of {whole.promised} cases kept their promised times; {fcr} of the resolved took one contact."


def _improvements(report: Report, zh: bool) -> str:
    made = report.improvements
    if not (made.opened or made.closed or made.open):
        return ""
    if zh:
        late = f"，其中 {made.overdue} 件逾期，需要督办" if made.overdue else "，没有逾期"
        return f"改进工单新开 {made.opened} 件，完成 {made.closed} 件；尚有 {made.open} 件未完成{late}。"
    late = f", {made.overdue} of them overdue: these need a push" if made.overdue else ", none of them overdue"
    return f"{made.opened} improvements were opened and {made.closed} closed; {made.open} are open{late}."


def _percent(share: float) -> str:
    return f"{round(100 * share)}%"
