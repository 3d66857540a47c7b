"""Whatever a receiver may do to a sender: scripts for servers.py."""

from __future__ import annotations

import gzip

from tests.unit.adapters.http.servers import Script, Visit

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b"x" * 1_000_000
BOMB = gzip.compress(bytes(10_000_000))


def drip_headers(visit: Visit) -> None:
    visit.request()
    visit.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 50)


def drip_body(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    visit.drip(b"." * 5000)


def drip_body_until_closed(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.0 200 OK\r\n\r\n")
    visit.drip(b"." * 5000)


def drip_chunks(visit: Visit) -> None:
    visit.request()
    visit.send(CHUNKED)
    visit.drip(b"1\r\n.\r\n" * 1000)


def never_end_a_chunk_size(visit: Visit) -> None:
    visit.request()
    visit.send(CHUNKED)
    visit.drip(b"0" * 5000)


def answer_nothing(visit: Visit) -> None:
    visit.request()
    visit.idle()


def read_nothing(visit: Visit) -> None:
    visit.idle()


def flood_with_trailers(visit: Visit) -> None:
    visit.request()
    visit.send(CHUNKED + b"0\r\n")
    visit.flood(b"X-Trailer: yes\r\n" * 1000)


def flood_until_closed(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
    visit.flood(MEGABYTE)


def flood_with_chunks(visit: Visit) -> None:
    visit.request()
    visit.send(CHUNKED)
    visit.flood(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def flood_with_one_chunk(visit: Visit) -> None:
    visit.request()
    visit.send(CHUNKED + b"FFFFFFFFFFFF\r\n")
    visit.flood(MEGABYTE)


def promise_too_much(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    visit.flood(MEGABYTE)


def flood_behind_a_negative_chunk(visit: Visit) -> None:
    visit.request()
    visit.send(CHUNKED + b"-1\r\n")
    visit.flood(MEGABYTE)


def flood_behind_a_negative_length(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")
    visit.flood(MEGABYTE)


def send_one_header_of_100_megabytes(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(100):
        visit.send(MEGABYTE)
    visit.send(b"\r\n\r\n")


def send_headers_of_60_kilobytes_each(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\n")
    visit.flood(b"X-Long: " + b"x" * 60_000 + b"\r\n")


def send_headers_without_end(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\n")
    visit.flood(b"X: y\r\n" * 1000)


def send_a_status_line_without_end(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 ")
    visit.flood(MEGABYTE)


def ask_to_continue_for_ever(visit: Visit) -> None:
    visit.request()
    visit.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def throw_a_gzip_bomb(visit: Visit) -> None:
    visit.request()
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n"
    visit.send(head.encode() + BOMB)


def reset_at_once(visit: Visit) -> None:
    visit.request()
    visit.reset()


def reset_within_the_headers(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    visit.reset()


def reset_within_the_body(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
    visit.reset()


def close_without_an_answer(visit: Visit) -> None:
    visit.request()


DRAWN_OUT: tuple[Script, ...] = (
    drip_headers,
    drip_body,
    drip_body_until_closed,
    drip_chunks,
    never_end_a_chunk_size,
    answer_nothing,
    read_nothing,
    flood_with_trailers,
)
"""What only the deadline ends."""

WITHOUT_END: tuple[Script, ...] = (
    flood_until_closed,
    flood_with_chunks,
    flood_with_one_chunk,
    promise_too_much,
    flood_behind_a_negative_length,
)
"""Answers whose beginning is as good as any."""

NO_ANSWER: tuple[Script, ...] = (
    send_one_header_of_100_megabytes,
    send_headers_of_60_kilobytes_each,
    send_headers_without_end,
    send_a_status_line_without_end,
    ask_to_continue_for_ever,
    flood_behind_a_negative_chunk,
)
"""What is taken for no answer at all, without being read to its end."""

BREAKING_OFF: tuple[Script, ...] = (
    reset_at_once,
    reset_within_the_headers,
    reset_within_the_body,
    close_without_an_answer,
)

ALL: tuple[Script, ...] = (*DRAWN_OUT, *WITHOUT_END, *NO_ANSWER, *BREAKING_OFF, throw_a_gzip_bomb)
