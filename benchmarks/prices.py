"""What AWS charges in us-east-1 without any free tier, and what had to be assumed to come to a sum.

Prices as quoted in 2026; each has the page to check it against. Change them here and nowhere else.
"""

from dataclasses import dataclass

QUOTED = "2026"


@dataclass(frozen=True, kw_only=True)
class Price:
    """`dollars` for so many (`per`) of what the bill calls `name`."""

    name: str
    dollars: float
    per: float
    source: str

    def of(self, amount: float) -> float:
        return amount * self.dollars / self.per

    def __str__(self) -> str:
        return f"${self.dollars:.10f}".rstrip("0").rstrip(".") + (
            f" per {self.per:,.0f}" if self.per > 1 else ""
        )


MILLION = 1_000_000

API_REQUEST = Price(
    name="API Gateway requests (REST)",
    dollars=3.50,
    per=MILLION,
    source="https://aws.amazon.com/api-gateway/pricing/",
)
INVOCATION = Price(
    name="Lambda invocations", dollars=0.20, per=MILLION, source="https://aws.amazon.com/lambda/pricing/"
)
GIGABYTE_SECOND = Price(
    name="Lambda GB-seconds (arm64)",
    dollars=0.0000133334,
    per=1,
    source="https://aws.amazon.com/lambda/pricing/",
)
WRITE_UNIT = Price(
    name="DynamoDB write units (on demand)",
    dollars=0.625,
    per=MILLION,
    source="https://aws.amazon.com/dynamodb/pricing/on-demand/",
)
READ_UNIT = Price(
    name="DynamoDB read units (on demand)",
    dollars=0.125,
    per=MILLION,
    source="https://aws.amazon.com/dynamodb/pricing/on-demand/",
)
QUEUE_REQUEST = Price(
    # The standard price and, since our messages have groups, the surcharge of a fair queue.
    name="SQS requests (fair queue)",
    dollars=0.40 + 0.10,
    per=MILLION,
    source="https://aws.amazon.com/sqs/pricing/",
)
LOG_GIGABYTE = Price(
    name="CloudWatch Logs, GB taken in",
    dollars=0.50,
    per=1,
    source="https://aws.amazon.com/cloudwatch/pricing/",
)
DECRYPTION = Price(
    name="KMS requests", dollars=0.03, per=10_000, source="https://aws.amazon.com/kms/pricing/"
)

# A vCPU's worth of memory; a function gets its share (Lambda's developer guide, "Configure memory").
WHOLE_CPU_MB = 1769
# Milliseconds that a function waits for others in AWS. DynamoDB promises single digits; the other three
# are guesses on the careful side.
DYNAMODB_WAIT, SQS_WAIT, STRIPE_WAIT, RECEIVER_WAIT = 5.0, 10.0, 500.0, 300.0
# A browser on another site asks first: two PUTs to addresses of their own, checkout, the order's status.
PREFLIGHTS = 4
# Lambda takes a message from the queue and deletes it: one request each where messages come alone.
QUEUE_REQUESTS_OF_LAMBDA = 2
# START, END and REPORT, with CloudWatch's 26 bytes around every line, ours included.
BYTES_OF_LAMBDA, BYTES_AROUND_LINE = 430, 26
