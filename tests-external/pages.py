"""A browser small enough to read: fetches pages, fills in forms as they are, follows redirects until told to stop."""

from html.parser import HTMLParser
from urllib.parse import urljoin


class Form:
    """One form of a page: where it goes, how, its fields, and the buttons that submit it."""

    def __init__(self, action, method):
        self.action = action
        self.method = method.lower()
        self.fields = {}
        self.buttons = []


class Page(HTMLParser):
    """The forms of one page, as a browser would submit them."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.forms = []
        self._open = None
        self._select = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self._open = Form(attrs.get("action") or "", attrs.get("method") or "get")
            self.forms.append(self._open)
            return
        if self._open is None:
            return
        name = attrs.get("name")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            # The first option is what a browser sends unless another is marked.
            if self._select not in self._open.fields or "selected" in attrs:
                self._open.fields[self._select] = attrs.get("value") or ""
        elif tag == "button" and (attrs.get("type") or "submit").lower() == "submit":
            self._open.buttons.append((name, attrs.get("value") or ""))
        elif tag == "input":
            self._input(name, (attrs.get("type") or "text").lower(), attrs)

    def _input(self, name, kind, attrs):
        if kind in ("submit", "image"):
            self._open.buttons.append((name, attrs.get("value") or ""))
        elif name and kind in ("checkbox", "radio"):
            if "checked" in attrs:
                self._open.fields[name] = attrs.get("value") or "on"
        elif name and kind != "button":
            self._open.fields[name] = attrs.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None


class Walk:
    """One person's way through login and consent, in one browser session."""

    MOST_HOPS = 16

    def __init__(self, session, username, password):
        self.session = session
        self.username = username
        self.password = password

    def to(self, redirect_uri, start, decision="approve"):
        """Walks from `start` to the redirect URI, which is not fetched: (that location, the forms met)."""
        met = []
        response = self.session.get(start, allow_redirects=False)
        for _ in range(self.MOST_HOPS):
            location = response.headers.get("Location")
            if response.is_redirect and location:
                location = urljoin(response.url, location)
                if location.startswith(redirect_uri):
                    return location, met
                response = self.session.get(location, allow_redirects=False)
                continue
            assert response.status_code == 200, (
                f"{response.request.method} {response.url} answered {response.status_code}: {response.text[:400]}"
            )
            response = self._submit(response, decision, met)
        raise AssertionError(f"no redirect to {redirect_uri} after {self.MOST_HOPS} hops; forms met: {met}")

    def _submit(self, response, decision, met):
        forms = Page(response.text).forms
        login = next((f for f in forms if "password" in f.fields), None)
        consent = next((f for f in forms if ("decision", decision) in f.buttons), None)
        form = login or consent
        assert form, f"{response.url} has neither a login nor a consent form: {response.text[:400]}"
        assert form.fields.get("csrf"), f"the form at {response.url} has no hidden `csrf`"
        fields = dict(form.fields)
        if login:
            assert "login" not in met, "the login form came back: credentials refused, or its cookie was not kept"
            assert "username" in fields, f"the login form at {response.url} has no field `username`"
            fields.update(username=self.username, password=self.password)
            named = [(name, value) for name, value in form.buttons if name]
            fields.update(named[:1])
        else:
            fields["decision"] = decision
        met.append("login" if login else "consent")
        target = urljoin(response.url, form.action)
        if form.method == "post":
            return self.session.post(target, data=fields, allow_redirects=False)
        return self.session.get(target, params=fields, allow_redirects=False)
