"""Puts the daemon's programs for seccomp in force for this process and makes each call that they deny, as the kernel takes it: with
its number. Run as: calls.py FOLDER, with the programs in FOLDER/0, 1, 2 and lines of `name number` in FOLDER/numbers.

The answer "not permitted" of the programs is replaced by one that the kernel itself never gives, so that no other refusal is taken
for theirs. Nothing harmful reaches the kernel where they work; where they do not, this process has no rights to do harm with."""

import ctypes
import errno
import os
import socket
import struct
import sys
import threading

OURS = errno.ENOMEDIUM
EPERM = struct.pack("=HBBI", 6, 0, 0, 0x50000 | errno.EPERM)
MARKED = struct.pack("=HBBI", 6, 0, 0, 0x50000 | OURS)

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
failed = []


def call(number, *arguments):
    given = [a if isinstance(a, ctypes.Array) else ctypes.c_long(a) for a in arguments] + [ctypes.c_long(0)] * (6 - len(arguments))
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *given)
    return 0 if result >= 0 else ctypes.get_errno()


def confine(folder):
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_char_p)]

    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    assert libc.prctl(38, 1, 0, 0, 0) == 0, "no new privileges"
    for number in range(3):
        with open(os.path.join(folder, str(number)), "rb") as file:
            lines = file.read()
        lines = b"".join(lines[at:at + 8] if lines[at:at + 8] != EPERM else MARKED for at in range(0, len(lines), 8))
        program = Program(len(lines) // 8, lines)
        assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, f"seccomp: {os.strerror(ctypes.get_errno())}"


def refused(what, answer, wanted=OURS):
    if answer != wanted:
        failed.append(f"{what}: {errno.errorcode.get(answer, answer)}")


def allowed(what, answer):
    if answer in (OURS, errno.ENOSYS):
        failed.append(f"{what}: refused, and it is needed")


def sockets(of):
    names = [(socket.AF_INET, "IPv4"), (socket.AF_INET6, "IPv6")]
    for family, name in names:
        for protocol in (0, socket.IPPROTO_TCP):
            for flags in (0, socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK):
                allowed(f"{name} TCP {protocol}", call(of["socket"], family, socket.SOCK_STREAM | flags, protocol))
        for kind, protocol in [(1, 262), (1, 256), (1, 132), (2, 0), (2, 17), (2, 136), (2, 1), (3, 255), (3, 6), (5, 132), (6, 33)]:
            refused(f"{name} kind {kind} protocol {protocol}", call(of["socket"], family, kind, protocol))
    for family in [1, 16, 17] + list(range(3, 10)) + list(range(11, 46)):
        for kind in (1, 2, 3, 5):
            refused(f"family {family} kind {kind}", call(of["socket"], family, kind, 0))
    refused("a pair of datagram sockets", call(of["socketpair"], 1, 2, 0, ctypes.create_string_buffer(8)))
    allowed("a pair of sockets", call(of["socketpair"], 1, 1, 0, ctypes.create_string_buffer(8)))


def arguments(of):
    tcp = socket.socket()
    number, one = tcp.fileno(), ctypes.create_string_buffer(struct.pack("=i", 1))
    allowed("TCP_NODELAY", call(of["setsockopt"], number, 6, 1, one, 4))
    allowed("TCP_QUICKACK", call(of["setsockopt"], number, 6, 12, one, 4))
    # SO_MARK, SO_BINDTODEVICE, SO_ATTACH_FILTER, SO_REUSEPORT; IP_TRANSPARENT, IP_HDRINCL; TCP_REPAIR, FASTOPEN, FASTOPEN_CONNECT, ULP.
    for level, options in [(1, (36, 25, 26, 15)), (0, (19, 3)), (6, (19, 23, 30, 31)), (263, (1,)), (284, (1,)), (41, (75,))]:
        for option in options:
            refused(f"option {option} of level {level}", call(of["setsockopt"], number, level, option, one, 4))
    address = ctypes.create_string_buffer(struct.pack("=HH12x", 2, 0))
    for length in (2, 16, 28, 110):
        refused(f"bind of {length} octets", call(of["bind"], number, address, length))
    for flags in (0x20000000, 0x20004040):
        refused("sendto with fast open", call(of["sendto"], number, one, 1, flags, address, 16))
    allowed("sendto", call(of["sendto"], number, one, 1, 0x4000, 0, 0))
    refused("being dumpable", call(of["prctl"], 4, 1))
    refused("a tracer", call(of["prctl"], 0x59616D61, -1))
    refused("the memory's bounds", call(of["prctl"], 35, 1, 0))
    allowed("asking whether it is dumpable", call(of["prctl"], 3))
    allowed("the name of a thread", call(of["prctl"], 15, ctypes.create_string_buffer(b"test")))
    limits = ctypes.create_string_buffer(16)
    allowed("reading limits", call(of["prlimit64"], 0, 7, 0, limits))
    refused("setting limits", call(of["prlimit64"], 0, 7, limits, 0))
    refused("setting limits of others", call(of["prlimit64"], os.getppid(), 7, limits, 0))
    for request in (0x5412, 0x541C):
        refused("typing into a terminal", call(of["ioctl"], 0, request, one))
    refused("a process", call(of["clone"], 17))


def newer(of):
    refused("clone3", call(of["clone3"], 0, 0), errno.ENOSYS)
    for number in (463, 467, 500, 100000, 0x40000000 | of["socket"], 0x40000000 | 520):
        refused(f"call {number}", call(number), errno.ENOSYS)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "numbers"), encoding="ascii") as file:
        numbers = [line.split() for line in file]
    confine(folder)
    whole = {name: int(number) for name, number, how in numbers if how == "whole"}
    for name, number in whole.items():
        refused(name, call(number))
    of = {name: int(number) for name, number, how in numbers if how == "part"}
    sockets(of)
    arguments(of)
    newer(of)
    print(f"{len(whole)} whole calls")
    if failed:
        sys.exit("\n".join(failed))


main()
