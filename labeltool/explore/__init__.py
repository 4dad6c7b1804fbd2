"""FiftyOne beside a project: labels, predictions and what the audit says of them to look at, and tags that come back.

Every number is computed by labeltool and stored there: FiftyOne's own keypoint OKS takes another scale and other sigmas. Only
`engine` imports FiftyOne, when a command needs it.
"""
