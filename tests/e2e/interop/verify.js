// Reads received webhooks, one a line, and answers each with a line: what the library named in it says of it.
const { createInterface } = require("readline");

const LIBRARIES = { standardwebhooks: require("standardwebhooks"), svix: require("svix") };

function verdict({ library, secret, body, headers }) {
  const { Webhook, WebhookVerificationError } = LIBRARIES[library];
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
    return "accepted";
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.message;
    if (error instanceof SyntaxError) return "accepted, but not JSON"; // they parse what they have verified
    throw error;
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  console.log(JSON.stringify(verdict(JSON.parse(line))));
});
