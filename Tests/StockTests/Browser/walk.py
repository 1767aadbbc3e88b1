"""Walks the console in headless Chromium as a person would, and complains about whatever a person or a browser would.

Arguments: the server's URL, the paths of one-time sign-in links of a maker admin and of an owner, the folder for the
pictures.
"""

import os
import sys

from playwright.sync_api import sync_playwright

URL, ADMIN, OWNER, FOLDER = sys.argv[1:5]
FLAGS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
SIZES = [("light", 1280, 800, "light"), ("dark", 1280, 800, "dark"), ("phone", 390, 844, "light")]
# The documentation keeps the pages that people see daily; a test run keeps all.
DAILY = {"today", "devices", "device", "confirm", "releases", "release", "updates", "update", "ledger", "ledger-entry", "people"}
IS_DOCUMENTATION = os.environ.get("LIFELONG_SCREENSHOTS") == "1"
# A device that its owner gives away.
GIVEN = "TH2-2026-0142-000444"
complaints = []
expected = set()
# What one walk learns and another needs: links, a code.
found = {}


def complain(text):
    complaints.append(text)
    print("COMPLAINT:", text)


def watch(page):
    """Console errors include every breach of the content security policy."""
    page.on("console", lambda m: m.type in ("error", "warning") and page.url not in expected
            and complain(f"{page.url}: console says: {m.text}"))
    page.on("pageerror", lambda e: complain(f"{page.url}: script error: {e}"))
    # Leaving a page aborts what it still loads, and a download ends the navigation that began it: neither is a failure.
    page.on("requestfailed", lambda r: r.failure == "net::ERR_ABORTED" or complain(f"{r.url} failed: {r.failure}"))


def check(page, name):
    """What must hold on every page, whatever it shows."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        complain(f"{name}: scrolls sideways by {wide} px")
    if page.locator("h1").count() != 1:
        complain(f"{name}: has {page.locator('h1').count()} first headings")
    if page.locator("main").count() != 1:
        complain(f"{name}: has no main landmark")
    bare = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
        ".filter(e => !e.labels.length && !e.getAttribute('aria-label')).map(e => e.name)")
    if bare:
        complain(f"{name}: fields without a label: {bare}")
    twice = page.evaluate(
        "(ids => ids.filter((id, i) => ids.indexOf(id) !== i))([...document.querySelectorAll('[id]')].map(e => e.id))")
    if twice:
        complain(f"{name}: names used twice: {twice}")
    nameless = page.evaluate(
        "[...document.querySelectorAll('a, button')].filter(e => !e.textContent.trim() && !e.getAttribute('aria-label')).length")
    if nameless:
        complain(f"{name}: {nameless} links or buttons without a name")
    spilled = page.evaluate(
        """[...document.querySelectorAll('svg.picture')].filter(s => s.getClientRects().length).flatMap(s => {
             const all = s.getBoundingClientRect();
             return [...s.querySelectorAll('text')].filter(t => {
               const r = t.getBoundingClientRect();
               return r.left < all.left - 1 || r.right > all.right + 1 || r.top < all.top - 2 || r.bottom > all.bottom + 2;
             }).map(t => t.textContent); })""")
    if spilled:
        complain(f"{name}: words outside their picture: {spilled}")
    overlaps = page.evaluate(
        """[...document.querySelectorAll('svg.picture')].filter(s => s.getClientRects().length).flatMap(s => {
             const t = [...s.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
             return t.flatMap(([a, r], i) => t.slice(i + 1).filter(([b, q]) =>
               r.left + 1 < q.right && q.left + 1 < r.right && r.top + 3 < q.bottom && q.top + 3 < r.bottom
             ).map(([b]) => a + ' / ' + b)); })""")
    if overlaps:
        complain(f"{name}: words over words: {overlaps}")
    if page.locator("#content script, #content img").count():
        complain(f"{name}: somebody's text became markup")


def shoot(page, name):
    for label, width, height, scheme in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        if name in DAILY or not IS_DOCUMENTATION:
            page.screenshot(path=f"{FOLDER}/{name}-{label}.png", full_page=True)
        check(page, f"{name} ({label})")
    page.set_viewport_size({"width": 360, "height": 700})
    check(page, f"{name} (360 px)")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")


def go(page, path, name, status=200):
    # The browser says of an error's status that it could not load: that is no complaint about the page.
    if status >= 400:
        expected.add(URL + path)
    answer = page.goto(URL + path)
    if answer.status != status:
        complain(f"{path}: status {answer.status} instead of {status}: {page.inner_text('main')}")
    policy = answer.headers.get("content-security-policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        complain(f"{path}: weak content security policy: {policy}")
    shoot(page, name)


def expect(page, text, where):
    if text not in page.inner_text("body"):
        complain(f"{where}: \"{text}\" is missing")


def sign_in(page, path, home="/"):
    go(page, path, "sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(URL + home)


def walk_as_admin(page):
    sign_in(page, ADMIN)
    expect(page, "Life cycle", "today")
    go(page, "/", "today")
    # Every number of the picture leads to its list.
    page.locator("svg.wide a.stage-quarantined").click()
    page.wait_for_url("**/devices?stage=quarantined")
    go(page, "/devices", "devices")
    page.get_by_label("Serial begins with").fill("TH2-2026-0142-0000")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(URL + "/devices?q=TH2-2026-0142-0000")
    page.get_by_label("Stage", exact=True).select_option("inUse")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(URL + "/devices?q=TH2-2026-0142-0000&stage=inUse")
    go(page, "/devices?q=nothing-like-it", "devices-empty")
    go(page, "/devices/TH2-2026-0142-000037", "device")
    go(page, "/devices/TH2-2026-0142-001184", "device-made")
    quarantine(page, "TH2-2026-0142-000370")
    go(page, "/alarms?open=true", "alarms")
    acknowledge(page)
    look_at_releases(page)
    roll_out(page)
    withdraw(page)
    go(page, "/batches", "batches")
    go(page, "/authorities", "authorities")
    go(page, "/ledger", "ledger")
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**/ledger?before=*")
    go(page, "/ledger/41", "ledger-entry")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download evidence").click()
    if download.value.suggested_filename != "entry-41.json":
        complain(f"the evidence is called {download.value.suggested_filename}")
    go(page, "/people", "people")
    administer(page)
    go(page, "/devices/NO-SUCH-DEVICE", "not-found", status=404)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out")
    shoot(page, "signed-out")


def walk_as_owner(page):
    """Sees only what is hers, and gets a code that is shown once."""
    sign_in(page, OWNER)
    if page.get_by_role("link", name="People").count() or page.get_by_role("link", name="Ledger").count():
        complain("an owner is offered pages that she may not open")
    go(page, "/", "owner-today")
    go(page, "/claim", "owner-claim")
    go(page, "/ledger", "owner-refused", status=403)
    expect(page, "role owner: readLedger", "owner-refused")
    serial = "TH2-2026-0142-000407"
    go(page, f"/devices/{serial}", "owner-device")
    page.get_by_role("link", name="Offer to somebody else…").click()
    page.get_by_role("button", name="Offer to somebody else").click()
    page.locator("pre.secret").wait_for()
    shoot(page, "owner-code")
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("button", name="Withdraw the offer").click()
    page.wait_for_url(f"**/devices/{serial}?done=withdraw")
    pair(page)
    found["code"] = offer(page, GIVEN)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out")


def walk_as_station(page):
    """Sees batches and nothing of anybody's devices, and ships one."""
    sign_in(page, found["station"], "/batches")
    go(page, "/", "station-batches")
    for name in ("People", "Ledger", "Devices"):
        if page.get_by_role("navigation").get_by_role("link", name=name, exact=True).count():
            complain(f"a station is offered {name}")
    for path in ("/devices", "/people", "/ledger", "/claim"):
        go(page, path, "station-refused", status=403)
    page.goto(URL + "/batches")
    page.get_by_role("link", name="Ship…").first.click()
    page.wait_for_url("**/ship")
    shoot(page, "station-ship")
    page.get_by_role("button", name="Ship the batch").click()
    page.wait_for_url("**/batches?shipped=*")
    expect(page, "shipped and may be paired now", "station-shipped")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out")


def walk_as_buyer(page):
    """Types a wrong code, and then the right one."""
    sign_in(page, found["buyer"])
    for code in ("0000-0000-0000-0000", found["code"]):
        page.goto(URL + "/claim")
        page.locator("#accept-device").fill(GIVEN)
        page.get_by_label("Code from its owner").fill(code)
        if code != found["code"]:
            expected.add(URL + "/claim/accept")
        page.get_by_role("button", name="Accept").click()
        if code != found["code"]:
            page.get_by_text("not the code of this transfer").wait_for()
            shoot(page, "buyer-wrong-code")
    page.wait_for_url("**/devices?done=accepted")
    shoot(page, "buyer-accepted")


def show_once(page):
    """What is shown once, and then gone."""
    secret = page.locator("pre.secret").inner_text().strip()
    page.get_by_role("link", name="I have it").click()
    page.wait_for_url("**/people")
    if secret in page.content():
        complain("what is shown once is shown again")
    return secret


def administer(page):
    """Every form of the page People."""
    for name, role, owner in (("Line Three", "station", None), ("Mira at home", "owner", "Mira Lindqvist")):
        page.goto(URL + "/people")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Role", exact=True).select_option(role)
        if owner:
            page.get_by_label("Acts for").select_option(label=owner)
        page.get_by_role("button", name="Add and make a sign-in link").click()
        found["station" if role == "station" else "buyer"] = show_once(page)
    page.get_by_label("Name of the owner").fill("Lighthouse Trust")
    page.get_by_label("An organisation").check()
    page.get_by_role("button", name="Add the owner").click()
    page.wait_for_url("**/people?done=owner")
    expect(page, "Lighthouse Trust", "people")
    page.get_by_label("New token for").select_option("Line Three")
    page.get_by_label("What it is for").fill("walked")
    page.get_by_role("button", name="Issue a token").click()
    if not show_once(page).startswith("ll_token_"):
        complain("a token does not look like one")
    page.get_by_role("button", name="Revoke walked of Line Three").click()
    page.wait_for_url("**/people?done=revoked")
    page.get_by_label("Name", exact=True).fill("Leaving soon")
    page.get_by_role("button", name="Add and make a sign-in link").click()
    show_once(page)
    page.get_by_role("link", name="Remove Leaving soon").click()
    expect(page, "This cannot be undone", "confirm-removal")
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/people?done=removed")
    if page.get_by_text("Leaving soon").count():
        complain("who was removed is still listed")
    page.get_by_role("button", name="Sign-in link for Line Three").click()
    found["station"] = show_once(page)


def pair(page):
    """A device that the station shipped, by its serial alone; and one that nobody has."""
    for serial in ("TH2-2026-0142-999999", "TH2-2026-0142-001184"):
        page.goto(URL + "/claim")
        page.locator("#pair-device").fill(serial)
        page.get_by_label("Only with its serial").check()
        if serial.endswith("9"):
            expected.add(URL + "/claim/pair")
        page.get_by_role("button", name="Pair", exact=True).click()
        if serial.endswith("9"):
            page.get_by_text("There is no device").wait_for()
    page.wait_for_url("**/devices/TH2-2026-0142-001184")
    shoot(page, "owner-paired")


def offer(page, serial):
    page.goto(f"{URL}/devices/{serial}")
    page.get_by_role("link", name="Offer to somebody else…").click()
    page.get_by_role("button", name="Offer to somebody else").click()
    code = page.locator("pre.secret").inner_text().strip()
    page.get_by_role("link", name="I have it").click()
    return code


def quarantine(page, serial):
    page.goto(f"{URL}/devices/{serial}")
    page.get_by_role("link", name="Quarantine…").click()
    page.wait_for_url("**/quarantine")
    shoot(page, "confirm")
    page.get_by_label("Reason").fill("lost-in-transit")
    page.get_by_role("button", name="Quarantine").click()
    page.wait_for_url(f"**/devices/{serial}?done=quarantine")
    expect(page, "The device is quarantined", "quarantine")
    expect(page, "Quarantined: lost-in-transit", "quarantine")
    shoot(page, "device-quarantined")


def roll_out(page):
    """Looks at what the canary said, lets it go on and then stops it; approves another one and starts it."""
    go(page, "/updates", "updates")
    page.get_by_role("link", name="release 8").click()
    page.wait_for_url("**/updates/*")
    shoot(page, "update")
    expect(page, "look, then resume or stop", "update")
    rollout = page.url
    page.get_by_role("button", name="Resume").click()
    page.wait_for_url(rollout)
    expect(page, "is open", "update-resumed")
    page.get_by_label("to confirm").fill("thermostat-1")
    expected.add(f"{rollout}/stop")
    page.get_by_role("button", name="Stop the rollout").click()
    page.get_by_text("The stop is not confirmed").wait_for()
    page.goto(rollout)
    page.get_by_label("to confirm").fill("thermostat-2")
    page.get_by_role("button", name="Stop the rollout").click()
    page.wait_for_url(rollout)
    expect(page, "It stopped for ever", "update-stopped")
    shoot(page, "update-stopped")
    page.goto(URL + "/updates")
    page.get_by_role("link", name="release 9").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Pause").wait_for()
    shoot(page, "update-started")


def look_at_releases(page):
    """The list, one release with what it is made of, a component, all of them, and the devices that run one."""
    go(page, "/releases", "releases")
    page.get_by_role("link", name="devices run release 7").click()
    page.wait_for_url("**/devices?product=thermostat-2&where=release*")
    page.goto(URL + "/releases")
    page.get_by_role("link", name="thermostat-2 · release 9").click()
    page.wait_for_url("**/releases/*")
    shoot(page, "release")
    for text in ("CycloneDX 1.6", "admission: sbom", "openssh", "dropbear", "3.0.15", "Published by", "Wanjiru"):
        expect(page, text, "release")
    found["release"] = page.url
    page.get_by_label("Component", exact=True).fill("lib-6")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/releases/*component=lib-6")
    if page.get_by_role("region", name="Components", exact=True).locator("tbody tr").count() != 2:
        complain("the search for a component does not find lib-6 and lib-60")
    check(page, "release-component")
    everything = page.request.get(page.url.split("?")[0].replace("/releases/", "/api/v1/releases/") + "/components").json()
    if everything["count"] != 65 or len(everything["components"]) != 65:
        complain(f"all components are {everything['count']}")


def withdraw(page):
    """Takes a release off whose rollout is under way: with its product's name, typed again."""
    page.goto(found["release"])
    page.get_by_role("link", name="Withdraw the release…").click()
    page.wait_for_url("**/withdraw")
    shoot(page, "release-withdraw")
    expected.add(page.url)
    page.get_by_label("to confirm").fill("thermostat-1")
    page.get_by_role("button", name="Withdraw the release").click()
    page.get_by_text("The withdrawal is not confirmed").wait_for()
    page.goto(found["release"] + "/withdraw")
    page.get_by_label("to confirm").fill("thermostat-2")
    page.get_by_role("button", name="Withdraw the release").click()
    page.wait_for_url(found["release"])
    expect(page, "nobody is offered it any more", "release-withdrawn")
    if page.get_by_role("link", name="Withdraw the release…").count():
        complain("what was withdrawn can be withdrawn again")
    shoot(page, "release-withdrawn")
    page.get_by_role("link", name="thermostat-2 · release 9").click()
    expect(page, "It stopped for ever", "release-withdrawn")


def acknowledge(page):
    before = page.get_by_role("button", name="Acknowledge").count()
    page.get_by_role("button", name="Acknowledge").first.click()
    page.wait_for_url("**done=acknowledged")
    if page.get_by_role("button", name="Acknowledge").count() != before - 1:
        complain("an acknowledged alarm is still open")


with sync_playwright() as play:
    browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
    for walk in (walk_as_admin, walk_as_station, walk_as_owner, walk_as_buyer):
        page = browser.new_context().new_page()
        page.set_default_timeout(10_000)
        watch(page)
        try:
            walk(page)
        except Exception as error:
            complain(f"{page.url}: {error}")
            print(page.inner_text("body")[:2000])
    browser.close()

print("walked" if not complaints else f"{len(complaints)} complaints")
sys.exit(1 if complaints else 0)
