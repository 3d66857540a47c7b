// A stand-in for Stripe.js: the calls that a checkout page makes, answered by the sandbox on this machine.
// Where Stripe puts its fields into an iframe, this one puts plain inputs without a name, so that the page's
// own form never submits them. Keep to the documented calls; everything else here may change.
(() => {
  "use strict";

  const SANDBOX = "http://sandbox.invalid"; // replaced by the server with its own address

  // --- The API, as a browser may use it ---------------------------------------------------------------

  // {a: {b: 1}} → a[b]=1, as Stripe's API wants its forms.
  function flatten(value, name = "", into = new URLSearchParams()) {
    if (value !== null && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        flatten(inner, name ? `${name}[${key}]` : key, into);
      }
    } else if (value !== undefined && value !== null && value !== "") {
      into.append(name, value);
    }
    return into;
  }

  // Resolves to {paymentIntent} or {error}; like Stripe.js it does not reject, whatever the network does.
  async function call(method, path, parameters) {
    const form = flatten(parameters);
    const url = method === "GET" ? `${SANDBOX}${path}?${form}` : `${SANDBOX}${path}`;
    try {
      const response = await fetch(url, { method, body: method === "GET" ? undefined : form });
      const answer = await response.json();
      return answer.error ? { error: answer.error } : { paymentIntent: answer };
    } catch {
      return { error: { type: "api_connection_error", message: "We could not reach Stripe. Please try again." } };
    }
  }

  function intentIdOf(clientSecret) {
    const match = /^(pi_[^_]+)_secret_.+$/.exec(clientSecret ?? "");
    if (!match) {
      throw integrationError(
        "Invalid value for clientSecret: it should have the form ${id}_secret_${secret}.",
      );
    }
    return match[1];
  }

  function integrationError(message) {
    const error = new Error(message);
    error.name = "IntegrationError";
    return error;
  }

  function incomplete(code, message) {
    return { error: { type: "validation_error", code, message } };
  }

  // --- The Payment Element ----------------------------------------------------------------------------

  const DEBITS = { sepa_debit: "SEPA debit", us_bank_account: "US bank account" };

  function make(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function field(label, properties) {
    const input = make("input", { type: "text", ...properties });
    input.setAttribute("aria-required", "true"); // "required" would let the page's form block its own submit
    const row = make("label", {}, `${label} `, input);
    row.style.display = "block";
    return { row, input };
  }

  const digits = (text) => text.replace(/\D/g, "");

  function cardFields() {
    const number = field("Card number", {
      autocomplete: "cc-number", inputMode: "numeric", placeholder: "4242 4242 4242 4242",
    });
    const expiry = field("Expiration date", {
      autocomplete: "cc-exp", inputMode: "numeric", placeholder: "MM / YY",
    });
    const cvc = field("Security code", { autocomplete: "cc-csc", inputMode: "numeric", placeholder: "CVC" });
    return {
      rows: [number.row, expiry.row, cvc.row],
      read() {
        if (digits(number.input.value).length < 14) {
          return incomplete("incomplete_number", "Your card number is incomplete.");
        }
        if (digits(expiry.input.value).length !== 4) {
          return incomplete("incomplete_expiry", "Your card's expiration date is incomplete.");
        }
        if (digits(cvc.input.value).length < 3) {
          return incomplete("incomplete_cvc", "Your card's security code is incomplete.");
        }
        const [, month, year] = /^(\d\d)(\d\d)$/.exec(digits(expiry.input.value));
        const card = {
          number: digits(number.input.value),
          exp_month: Number(month),
          exp_year: 2000 + Number(year),
          cvc: digits(cvc.input.value),
        };
        return { data: { type: "card", card } };
      },
    };
  }

  function sepaFields() {
    const iban = field("IBAN", { placeholder: "DE89370400440532013000" });
    return {
      rows: [iban.row],
      read: () =>
        iban.input.value.trim()
          ? { data: { type: "sepa_debit", sepa_debit: { iban: iban.input.value } } }
          : incomplete("incomplete_iban", "Your IBAN is incomplete."),
    };
  }

  function usBankFields() {
    const routing = field("Routing number", { inputMode: "numeric", placeholder: "110000000" });
    const account = field("Account number", { inputMode: "numeric", placeholder: "000123456789" });
    return {
      rows: [routing.row, account.row],
      read() {
        const bank = { routing_number: routing.input.value, account_number: account.input.value };
        return bank.routing_number && bank.account_number
          ? { data: { type: "us_bank_account", us_bank_account: bank } }
          : incomplete("incomplete_account_number", "Your account number is incomplete.");
      },
    };
  }

  const FIELDS = { card: cardFields, sepa_debit: sepaFields, us_bank_account: usBankFields };

  class PaymentElement {
    #root = null;
    #fields = null;
    #kind = "card";
    #handlers = new Map();
    #load;

    constructor(load) {
      this.#load = load;
    }

    mount(where) {
      const place = typeof where === "string" ? document.querySelector(where) : where;
      if (!place) throw integrationError(`No element matches the given selector: ${where}`);
      this.#root = make("fieldset", {}, make("legend", { textContent: "Payment details (Stripe sandbox)" }));
      this.#root.addEventListener("input", () => this.#changed());
      place.replaceChildren(this.#root);
      this.#show();
    }

    async #show() {
      const { paymentIntent, error } = await this.#load();
      if (!this.#root) return; // unmounted meanwhile
      if (error) return this.#emit("loaderror", { elementType: "payment", error });
      const kinds = paymentIntent.payment_method_types.filter((kind) => kind in FIELDS);
      if (kinds.length > 1) this.#root.append(this.#chooser(kinds));
      this.#choose(kinds[0]);
      this.#emit("ready", { elementType: "payment" });
    }

    #chooser(kinds) {
      const options = kinds.map((kind) => make("option", { value: kind, textContent: DEBITS[kind] ?? "Card" }));
      const select = make("select", {}, ...options);
      select.addEventListener("change", () => this.#choose(select.value));
      const row = make("label", {}, "Payment method ", select);
      row.style.display = "block";
      return row;
    }

    #choose(kind) {
      for (const row of this.#fields?.rows ?? []) row.remove();
      this.#kind = kind;
      this.#fields = FIELDS[kind]();
      this.#root.append(...this.#fields.rows);
    }

    #changed() {
      const complete = Boolean(this.#fields && !this.#fields.read().error);
      this.#emit("change", {
        elementType: "payment", complete, empty: false, collapsed: false, value: { type: this.#kind },
      });
    }

    #emit(name, event) {
      for (const handler of this.#handlers.get(name) ?? []) handler(event);
    }

    // {data} for payment_method_data, or {error}.
    read() {
      if (!this.#fields) throw integrationError("The payment Element is not mounted, or not ready yet.");
      return this.#fields.read();
    }

    on(name, handler) {
      this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler]);
      return this;
    }

    off(name, handler) {
      const others = handler ? (this.#handlers.get(name) ?? []).filter((known) => known !== handler) : [];
      this.#handlers.set(name, others);
      return this;
    }

    focus() {
      this.#root?.querySelector("input, select")?.focus();
    }

    update() {}

    unmount() {
      this.#root?.remove();
      this.#root = this.#fields = null;
    }

    destroy() {
      this.unmount();
    }
  }

  class Elements {
    #load;
    #element = null;

    constructor(clientSecret, load) {
      this.clientSecret = clientSecret;
      this.#load = load;
    }

    create(type) {
      if (type !== "payment") throw integrationError(`The sandbox has no ${type} Element, only payment.`);
      if (this.#element) throw integrationError("Can only create one Element of type payment.");
      this.#element = new PaymentElement(this.#load);
      return this.#element;
    }

    getElement(type) {
      return type === "payment" ? this.#element : null;
    }

    read() {
      if (!this.#element) throw integrationError("There is no payment Element: create and mount it first.");
      return this.#element.read();
    }

    async submit() {
      const { error } = this.read();
      return error ? { error } : {};
    }

    async fetchUpdates() {
      return {};
    }

    update() {}
  }

  // --- The 3-D Secure dialog --------------------------------------------------------------------------

  function inWords({ amount, currency }) {
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
  }

  // Resolves to "succeeded" or "failed"; leaving the dialog by Escape is a failure, as it is at Stripe.
  function challenge(intent) {
    return new Promise((resolve) => {
      const heading = make("h2", { id: "stripe-sandbox-3ds", textContent: "3-D Secure test dialog" });
      const complete = make("button", { type: "button", textContent: "Complete", autofocus: true });
      const fail = make("button", { type: "button", textContent: "Fail" });
      const dialog = make(
        "dialog", {}, heading, make("p", { textContent: `Your bank asks: do you want to pay ${inWords(intent)}?` }), complete, fail,
      );
      dialog.setAttribute("aria-labelledby", heading.id);
      const answer = (outcome) => {
        dialog.remove();
        resolve(outcome);
      };
      complete.addEventListener("click", () => answer("succeeded"));
      fail.addEventListener("click", () => answer("failed"));
      dialog.addEventListener("cancel", () => answer("failed"));
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  async function authenticate(intent) {
    const outcome = await challenge(intent);
    const proof = { client_secret: intent.client_secret, outcome };
    const { paymentIntent, error } = await call("POST", `/_sandbox/3ds/${intent.id}`, proof);
    if (error) return { error };
    const failure = paymentIntent.last_payment_error;
    return failure ? { error: { ...failure, payment_intent: paymentIntent } } : { paymentIntent };
  }

  // --- Stripe() ---------------------------------------------------------------------------------------

  class StripeSandbox {
    #key;

    constructor(publishableKey) {
      this.#key = publishableKey;
    }

    elements({ clientSecret } = {}) {
      intentIdOf(clientSecret); // a wrong one is the page's mistake: say so at once
      return new Elements(clientSecret, () => this.retrievePaymentIntent(clientSecret));
    }

    async retrievePaymentIntent(clientSecret) {
      const path = `/v1/payment_intents/${intentIdOf(clientSecret)}`;
      return call("GET", path, { key: this.#key, client_secret: clientSecret });
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      const secret = elements?.clientSecret ?? clientSecret;
      if (redirect === "always" && !confirmParams.return_url) {
        throw integrationError("confirmPayment(): expected confirmParams.return_url, or redirect: 'if_required'.");
      }
      const { data, error } = elements ? elements.read() : {};
      if (error) return { error };
      const result = await this.#confirm(secret, confirmParams, data);
      if (result.error || redirect === "if_required") return result;
      return leaveFor(confirmParams.return_url, result.paymentIntent);
    }

    async #confirm(clientSecret, { payment_method_data: given, ...rest }, entered) {
      const described = entered || given ? { payment_method_data: { ...given, ...entered } } : {};
      const { paymentIntent, error } = await call(
        "POST", `/v1/payment_intents/${intentIdOf(clientSecret)}/confirm`,
        { ...rest, ...described, key: this.#key, client_secret: clientSecret, use_stripe_sdk: true },
      );
      if (error) return { error };
      return paymentIntent.status === "requires_action" ? authenticate(paymentIntent) : { paymentIntent };
    }

    async handleNextAction({ clientSecret }) {
      const { paymentIntent, error } = await this.retrievePaymentIntent(clientSecret);
      if (error) return { error };
      return paymentIntent.status === "requires_action" ? authenticate(paymentIntent) : { paymentIntent };
    }
  }

  // The page is left: like Stripe's, this promise never resolves.
  function leaveFor(returnUrl, intent) {
    const url = new URL(returnUrl, document.baseURI);
    url.searchParams.set("payment_intent", intent.id);
    url.searchParams.set("payment_intent_client_secret", intent.client_secret);
    url.searchParams.set("redirect_status", intent.status === "processing" ? "pending" : "succeeded");
    window.location.assign(url);
    return new Promise(() => {});
  }

  window.Stripe = (publishableKey) => {
    if (!/^pk_/.test(publishableKey ?? "")) {
      throw integrationError("Please call Stripe() with your publishable key. You used something else.");
    }
    return new StripeSandbox(publishableKey);
  };
  window.Stripe.version = "sandbox";
})();
