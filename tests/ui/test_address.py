"""The address and the page are one: typed, followed, back and forward."""


def shows(page, tab, view=None):
    page.wait_for_function(
        "(tab) => document.querySelector('.tab-container [role=tab][aria-selected=true]')?.textContent.trim() === tab",
        arg=tab,
    )
    if view:
        page.wait_for_function("(view) => document.getElementById(`gb-${view}`)?.offsetParent", arg=view)


def test_an_address_typed_into_the_open_page_is_followed(page):
    """Model, prompt, tab and view: the open page shows them without being loaded again."""
    page.evaluate("window.same = true")
    page.evaluate(
        "location.hash = '#model=shipped:induction&step=50&prompt=abcabc%7Cabc&tab=tokenizer&view=vocabulary'"
    )
    shows(page, "Tokenizer", "vocabulary")
    page.wait_for_function("glassbox.subject.model === 'shipped:induction' && glassbox.subject.step === 50")
    assert page.evaluate("glassbox.subject.prompt") == "abcabc|abc"
    assert page.get_by_label("Prompt", exact=True).input_value() == "abcabc|abc"
    assert page.evaluate("window.same")


def test_settings_of_a_view_in_a_typed_address_are_followed(page):
    """What a view reads when it begins is read anew."""
    page.evaluate("location.hash = location.hash + '&tab=generate&view=many_at_once&samples=3'")
    shows(page, "Generate", "many_at_once")
    page.locator("#gb-many_at_once").get_by_role("button", name="Write 3 samples").wait_for()


def test_back_and_forward_lead_through_what_was_chosen(page):
    """Tabs, views and models are entries of the history; typing a prompt is none."""
    page.evaluate("window.same = true")
    page.get_by_role("tab", name="Tokenizer").click()
    shows(page, "Tokenizer", "read")
    page.wait_for_timeout(1100)  # two acts, not one
    page.get_by_role("tab", name="Generate").click()
    shows(page, "Generate", "write")
    page.evaluate("glassbox.look({ prompt: 'Once' })")
    page.locator(".gb-bar [data-id=model]").select_option("shipped:shakespeare")
    page.wait_for_function("glassbox.subject.model === 'shipped:shakespeare'")
    page.go_back()
    page.wait_for_function("glassbox.subject.model !== 'shipped:shakespeare'")
    shows(page, "Generate")
    page.go_back()
    shows(page, "Tokenizer", "read")
    page.go_back()
    shows(page, "Attention")
    page.go_forward()
    page.go_forward()
    page.go_forward()
    shows(page, "Generate")
    page.wait_for_function("glassbox.subject.model === 'shipped:shakespeare'")
    assert page.evaluate("window.same")
