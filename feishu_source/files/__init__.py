"""Images, files, audio and video of messages, downloaded to a folder or a bucket.

In: rows of `message_resources` that no load has decided on, and a session. Out: files named by the
hash of their content, and rows of `resource_files`. Off unless somebody names a place for them.

    pending     which resources are due, asked of the warehouse in portions
    downloads   a portion: what is asked for, side by side, and what comes of each
    spool       a file while it comes, on this machine's disk
    store       the folder or bucket: a file is there whole, or not at all
    names       a name that every system takes

Refuses to know what a message says; the API is asked through the door.
"""

from feishu_source.files.downloads import Chats, Downloads
from feishu_source.files.pending import can_tell, check_warehouse
from feishu_source.files.store import Store, open_store

__all__ = ["Chats", "Downloads", "Store", "can_tell", "check_warehouse", "open_store"]
