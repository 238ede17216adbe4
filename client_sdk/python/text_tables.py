"""The tables of texts in Chinese and English, by kind and key.

`texts` reads them. Places like `{available}` are filled from facts. Twin of
`javascript/text_tables.js`; a test compares the two.
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "outcome": {
        "won": ("抢到了！正在存入你的券包…", "You got it! Saving it to your wallet…"),
        "already_won": (
            "这张券你已经有了，在券包里可以看到。",
            "You already have this coupon. It is in your wallet.",
        ),
        "limit_reached": (
            "你领取的数量已达上限，把机会留给其他同学吧。",
            "You have claimed as many as you may. This one is for your classmates.",
        ),
        "limit_batch": (
            "这种券你已经领满了，去券包里使用吧。",
            "You have claimed all you may of this coupon. Use it from your wallet.",
        ),
        "limit_device": ("这台设备的领取次数已用完。", "This device has used up its claims."),
        "limit_person": (
            "你名下的账号已经领满了，请用领过的账号查看。",
            "You have claimed all you may with your accounts. Look in the one you used.",
        ),
        "limit_campaign": (
            "本次活动你已经领满了，去券包里使用吧。",
            "You have claimed all you may in this campaign. Use them from your wallet.",
        ),
        "sold_out": (
            "已经被抢光了。先别走开，有人放弃时会再放出来。",
            "All taken for now. Stay here: a coupon someone gives up comes back.",
        ),
        "not_open": ("还没开始，倒计时结束后再点。", "Not open yet. Tap when the countdown ends."),
        "closed": (
            "领取已经结束，留意老师的下一次发券。",
            "Claiming has ended. Watch for the next one.",
        ),
        "not_eligible": ("这张券是发给其他同学的。", "This coupon is for other students."),
        "blocked": (
            "你的账号暂时不能领券，请联系学校。",
            "Not for this account at the moment. Please ask the school.",
        ),
        "task_open": ("先完成任务，再来领取。", "Do the task first, then claim."),
        "rate_limited": (
            "点得太快啦，正在为你重试，不用再点。",
            "That was fast! We are trying again for you; no need to tap.",
        ),
        "retry": (
            "人有点多，正在为你重试，不用再点。",
            "It is busy. We are trying again for you; no need to tap.",
        ),
        "entered": (
            "已参加抽取，请留在教室等结果。",
            "You are in the draw. Stay in the room for the result.",
        ),
        "released": (
            "这张券没有在保留时间内使用，已经放回。每次发券每人只能领一次，留意老师的下一次发券。",
            "You did not use this coupon in time, so it went back. "
            "One per student in each drop: watch for the next one.",
        ),
        "other": (
            "已收到你的领取，刷新页面可查看结果。",
            "We have your tap. Reload the page to see the result.",
        ),
    },
    "claim": {
        "pending": ("正在为你抢，请稍候…", "Claiming it for you…"),
        "won": ("抢到了！正在存入你的券包…", "You got it! Saving it to your wallet…"),
        "confirmed": (
            "已存入你的券包，请在有效期内使用。",
            "It is in your wallet. Use it before the date shown.",
        ),
        "entered": (
            "已参加抽取，请留在教室等结果。",
            "You are in the draw. Stay in the room for the result.",
        ),
        "refused": ("这次没有领到。", "You did not get this one."),
        "answered": (
            "已收到你的领取，刷新页面可查看结果。",
            "We have your tap. Reload the page to see the result.",
        ),
        "released": (
            "这张券没有在保留时间内使用，已经放回。每次发券每人只能领一次，留意老师的下一次发券。",
            "You did not use this coupon in time, so it went back. "
            "One per student in each drop: watch for the next one.",
        ),
        "revoked": (
            "很抱歉，这张券没能保留住。请联系老师或客服。",
            "We are sorry: this coupon could not be kept. Please contact your teacher or support.",
        ),
        "other": ("刷新页面可查看结果。", "Reload the page to see the result."),
    },
    "coupon": {
        "usable": (
            "已退回你的券包，{at} 前可以再次使用。",
            "It is yours again. Use it by {at}.",
        ),
        "locked": (
            "正用于一笔未付款的订单，为你保留到 {at}。",
            "It is in an order until {at}.",
        ),
        "redeemed": (
            "已于 {at} 使用。",
            "You used it on {at}.",
        ),
        "expired": (
            "已于 {at} 过期。",
            "It expired on {at}.",
        ),
        "voided": (
            "已随取消的订单失效，不能再使用。",
            "An order that was cancelled used it up.",
        ),
        "other": (
            "请在券包里查看这张券。",
            "Look for this coupon in your wallet.",
        ),
    },
    "drop_closed": {
        "ended": ("时间到，领取已结束。", "Time is up: claiming has ended."),
        "sold_out": ("已全部领完。", "All of them are taken."),
        "stopped": ("老师已结束这次发券。", "The teacher has ended this drop."),
        "aborted": ("老师取消了这次抽取。", "The teacher has called this draw off."),
        "other": ("领取已结束。", "Claiming has ended."),
    },
    "status": {
        "connecting": ("正在连接教室…", "Connecting to the room…"),
        "joining": ("正在进入教室…", "Entering the room…"),
        "live": ("已连接", "Connected"),
        "waiting": (
            "连接断开，正在自动重连，不用刷新。",
            "Connection lost. Reconnecting by itself; no need to reload.",
        ),
        "stopped": (
            "已断开连接，刷新页面可重新进入。",
            "Disconnected. Reload the page to come back.",
        ),
        "other": ("正在连接教室…", "Connecting to the room…"),
    },
    "close": {
        "left": ("已离开教室。", "You have left the room."),
        "lost": (
            "网络不稳定，正在自动重连，不用刷新。",
            "The connection was lost. Reconnecting by itself; no need to reload.",
        ),
        "ours": (
            "服务器出了点问题，正在自动重连。",
            "Something went wrong on our side. Reconnecting by itself.",
        ),
        "restart": (
            "服务器正在更新，马上自动重连。",
            "The server is being updated. Reconnecting in a moment.",
        ),
        "expired": (
            "登录已过期，正在自动更新。",
            "Your sign-in has expired. Renewing it by itself.",
        ),
        "slow": ("你的网络较慢，正在自动重连。", "Your network is slow. Reconnecting by itself."),
        "queue": (
            "进入教室的人太多，正在为你排队，请稍候。",
            "Many are entering the room. You are in line; please wait.",
        ),
        "flood": (
            "操作太频繁，稍后自动重连。",
            "Too many actions. Reconnecting in a while by itself.",
        ),
        "outdated": ("页面版本过旧，请刷新页面。", "This page is out of date. Please reload it."),
        "late": (
            "进入教室超时，正在自动重连，不用刷新。",
            "Entering the room took too long. Reconnecting by itself.",
        ),
        "other": ("已断开连接，请刷新页面。", "Disconnected. Please reload the page."),
    },
    "error": {
        "token_missing": (
            "请先登录，再从课程页面进入。",
            "Please sign in and enter from the course page.",
        ),
        "token_invalid": (
            "登录信息无效，请从课程页面重新进入。",
            "Your sign-in is not valid. Please enter again from the course page.",
        ),
        "token_expired": (
            "登录已过期，请从课程页面重新进入。",
            "Your sign-in has expired. Please enter again from the course page.",
        ),
        "wrong_role": (
            "你的账号没有这项权限，请联系管理员。",
            "Your account may not do this. Ask an administrator.",
        ),
        "wrong_room": (
            "你不在这间教室的名单里，请从课程页面重新进入。",
            "You are not on this room's list. Please enter again from the course page.",
        ),
        "ticket_invalid": (
            "这个二维码不对，请重新扫描屏幕上的二维码。",
            "This code is not right. Scan the one on the screen again.",
        ),
        "ticket_expired": (
            "屏幕上的二维码已更换，请再扫一次。",
            "The code on the screen has changed. Please scan it once more.",
        ),
        "not_found": (
            "没有找到，可能已被删除。请刷新后再试。",
            "Not found; it may be gone. Reload and try again.",
        ),
        "stock_short": (
            "库存不足，还剩 {available} 张。请减少数量后再试。",
            "Not enough stock: {available} left. Try a smaller number.",
        ),
        "price_rule": (
            "这会违反课程 {course} 的价格规则（{limit}：上限 {most}，实际 {figure}）。",
            "This breaks a price rule of {course} ({limit}: {most} is set, this would be {figure}).",
        ),
        "limit_reached": (
            "这种券你已经领满了，去券包里使用吧。",
            "You have all you may of this coupon. Use it from your wallet.",
        ),
        "blocked": (
            "你的账号暂时不能领券，请联系学校。",
            "Not for this account at the moment. Please ask the school.",
        ),
        "instructor_stopped": (
            "管理员已暂停你的发券权限，请联系学校。",
            "An administrator has stopped your drops. Please ask the school.",
        ),
        "coupon_locked": (
            "这张券正用于另一笔未付款的订单。请先完成或取消那笔订单。",
            "This coupon is on another unpaid order. Pay or cancel that one first.",
        ),
        "coupon_unusable": (
            "有优惠券不能用于这笔订单，请取消勾选或换一张。",
            "A coupon does not fit this order. Untick it or choose another.",
        ),
        "total_changed": (
            "价格有变化，请确认新的金额后再提交。",
            "The price has changed. Check the new total and submit again.",
        ),
        "in_progress": (
            "正在处理中，请稍候，不用重复提交。",
            "Still working on it. Please wait; no need to submit again.",
        ),
        "idempotency_mismatch": (
            "这次提交与之前的内容不同，请刷新页面后重试。",
            "This differs from what was sent before. Reload the page and try again.",
        ),
        "wrong_state": (
            "当前状态已变化，请刷新后再操作。",
            "Things have changed meanwhile. Reload and look before you try again.",
        ),
        "refund_too_large": (
            "可退金额或数量不足，请按剩余可退的部分重新提交。",
            "Not so much is left to be paid back. Look at what is left and try again.",
        ),
        "support_limit": (
            "今天你最多可发 {most} 张，已发 {used} 张。请找运营同事发放。",
            "You may give {most} a day and have given {used}. Ask an operator to give this one.",
        ),
        "too_many": (
            "数量已达上限，请先清理一些再试。",
            "There are as many as there may be. Remove some and try again.",
        ),
        "unsupported_media_type": (
            "页面版本过旧，请刷新页面。",
            "This page is out of date. Please reload it.",
        ),
        "too_large": (
            "内容太大，请删减后再提交。",
            "That is too large. Shorten it and submit again.",
        ),
        "invalid_field": (
            "有内容填写不正确，请检查标出的项目。",
            "Something is not filled in correctly. Check the marked fields.",
        ),
        "rate_limited": (
            "操作太频繁，请稍等几秒再试。",
            "Too many tries. Wait a few seconds and try again.",
        ),
        "unavailable": (
            "服务暂时不可用，请稍后再试。",
            "The service is not available right now. Try again shortly.",
        ),
        "wrong_method": (
            "页面版本过旧，请刷新页面。",
            "This page is out of date. Please reload it.",
        ),
        "internal": (
            "我们这边出了点问题，请稍后再试；仍不行请联系客服。",
            "Something broke on our side. Try again shortly, or contact support.",
        ),
        "fault": (
            "页面出错了，请刷新后再试；仍不行请告知学校。",
            "This page has a fault. Reload it and try again; if it stays, tell your school.",
        ),
        "unreachable": (
            "连不上服务器，请检查网络后再试。",
            "The server cannot be reached. Check your network and try again.",
        ),
        "other": ("出了点问题，请稍后再试。", "Something went wrong. Please try again shortly."),
    },
    "why": {
        "taken": (
            "共 {units} 张，你是第 {tap} 次点击，比最后一张被领走晚了 {after}。",
            "{units} coupons; yours was tap {tap}, {after} after the last one went.",
        ),
        "taken_one": (
            "共 {units} 张，你是第 {tap} 次点击，比它被领走晚了 {after}。",
            "{units} coupon; yours was tap {tap}, {after} after it went.",
        ),
        "taken_before": (
            "共 {units} 张，你是第 {tap} 次点击，那时已经没有了。",
            "{units} coupons; yours was tap {tap}, and none was left.",
        ),
        "taken_before_one": (
            "共 {units} 张，你是第 {tap} 次点击，那时已经没有了。",
            "{units} coupon; yours was tap {tap}, and it was gone.",
        ),
        "taken_all": (
            "共 {units} 张，已全部被领走。",
            "There were {units} coupons, and all of them were taken.",
        ),
        "taken_all_one": (
            "共 {units} 张，已被领走。",
            "There was {units} coupon, and it was taken.",
        ),
        "limit_batch": (
            "这种券每人最多 {most} 张，你已经领过 {used} 张。",
            "At most {most} of this coupon for each student, and you have had {used}.",
        ),
        "limit_campaign": (
            "本次活动每人最多 {most} 张，你已经领过 {used} 张。",
            "At most {most} in this campaign for each student, and you have had {used}.",
        ),
        "limit_person": (
            "你名下的账号一共最多 {most} 张，已经领过 {used} 张。",
            "At most {most} for all your accounts together, and they have had {used}.",
        ),
        "limit_device": (
            "一台设备最多 {most} 张，这台已经领过 {used} 张。",
            "At most {most} on one device, and this one has had {used}.",
        ),
        "not_yet": ("还有{in}才开始，你点早了。", "It opens {in} after your tap."),
        "prepared": ("还没有开始，请等老师发券。", "It is not open yet. The teacher will open it."),
        "stopped": ("学校暂停了这种券的领取。", "The school has paused this coupon."),
        "ended": ("你点击时，领取已经结束 {after}。", "Claiming ended {after} before your tap."),
        "gone": ("这次发券已经结束。", "This drop is over."),
        "blocked": (
            "你的账号暂时不能领券，请联系学校。已有的券不受影响。",
            "Not for this account at the moment. Please ask the school. What it has stays.",
        ),
        "hold_ended": (
            "你领到过一张，没有及时使用，已经放回给其他同学。",
            "You had one and did not use it in time, so it went back for others.",
        ),
        "not_a_student": ("只有本教室的学生可以领取。", "Only a student of this room can claim."),
        "not_new": (
            "这种券只发给新同学。",
            "This coupon is for students who are new to the school.",
        ),
        "not_in_batch": (
            "学校只把这种券发给部分同学，你的账号不在其中。",
            "The school gives this coupon to some students only. Your account is not one of them.",
        ),
        "not_in_audience": (
            "老师这次只发给部分同学，你不在其中。",
            "The teacher gives this one to some students only. You are not one of them.",
        ),
        "held": ("每人一张，你已经有了。", "One for each student, and you have yours."),
        "task_open": (
            "先完成任务，再来领取。",
            "Do the task first, then claim.",
        ),
        "task_watch": (
            "要先看满 {needed} 分钟，你看了 {done} 分钟。",
            "Watch first: {done} of {needed} min so far.",
        ),
        "task_answer": (
            "要先答对老师的问题。",
            "Answer the question right first.",
        ),
        "task_sign_in": (
            "要先签到。",
            "Sign in first.",
        ),
        "task_invite": (
            "要先邀请 {needed} 位新同学，现在来了 {done} 位。",
            "Invite new students first: {done} of {needed} have come.",
        ),
        "task_event": (
            "要先完成老师指定的任务。",
            "Do what the teacher asks for first.",
        ),
        "other": ("这次没有领到。", "This tap did not get one."),
    },
    "duration": {
        "ms": ("{n} 毫秒", "{n} ms"),
        "s": ("{n} 秒", "{n} s"),
        "min": ("{n} 分钟", "{n} min"),
        "h": ("{n} 小时", "{n} h"),
        "other": ("{n} 毫秒", "{n} ms"),
    },
}

# Close code to a key of `close`, or of `error` where a reply over HTTP has the same text.
CLOSE_WORDS: Final[Mapping[int, str]] = {
    1000: "left",
    1002: "outdated",
    1003: "outdated",
    1007: "outdated",
    1009: "outdated",
    1011: "ours",
    1012: "restart",
    4001: "expired",
    4002: "slow",
    4004: "queue",
    4005: "ours",
    4006: "late",
    4008: "flood",
    4500: "outdated",
    4501: "token_invalid",
    4502: "wrong_room",
    4504: "outdated",
}

# Code of an `error` frame to a key of `close`, where `error` has no text for it.
ERROR_FRAME_WORDS: Final[Mapping[str, str]] = {
    "too_slow": "slow",
    "silent": "lost",
    "too_many": "queue",
    "server_restart": "restart",
    "invalid_frame": "outdated",
    "hello_timeout": "late",
    "not_text": "outdated",
    "token_revoked": "expired",
    "not_utf8": "outdated",
}
