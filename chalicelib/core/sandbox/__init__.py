"""Running what users wrote, in Python or JavaScript, so that it harms nobody even if it escapes its language.

Two layers. The boundary is a process: a fresh user, no network, no files, no environment, no rights, few system calls, limits on CPU and memory; it serves one
run and is killed (`jail`, `zygote`, `pool`). Inside it the code runs in an interpreter that knows no files and no sockets (`python`, `javascript`). On AWS the
process stands in a Lambda function of its own with an empty role (`remote`). See docs/architecture/sandbox.md.
"""
