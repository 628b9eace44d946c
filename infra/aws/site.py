"""The web app's place: a bucket, and CloudFront before it with the headers a browser needs. Its files are uploaded after the stack is there.

LocalStack's open edition has no CloudFront: there the bucket itself is the site, readable by everyone, without those headers.
"""

from __future__ import annotations

from typing import Any

from infra.aws.expressions import only_if, sub
from infra.host.web.static import CONTENT_SECURITY_POLICY

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # a policy that AWS manages: what the files' Cache-Control says, compressed

API_ORIGIN = "https://${RestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
LOCALSTACK_API_ORIGIN = "http://${RestApi}.execute-api.${LocalStackHost}"
LOCALSTACK_ORIGIN = "http://${SiteBucket}.s3-website.${LocalStackHost}"


def home(localstack: Any, aws: Any) -> dict[str, Any]:
    """One value on LocalStack, another on AWS."""
    return {"Fn::If": ["OnLocalStack", localstack, aws]}


def api_origin() -> dict[str, Any]:
    """Where API Gateway is, without its stage."""
    return home(sub(LOCALSTACK_API_ORIGIN), sub(API_ORIGIN))


def origin() -> dict[str, Any]:
    """Where a browser finds the web app."""
    return home(sub(LOCALSTACK_ORIGIN), sub("https://${Site.DomainName}"))


def resources() -> dict[str, Any]:
    """The bucket in both homes; CloudFront, and the policies that tie the two, on AWS."""
    return {
        "SiteBucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "PublicAccessBlockConfiguration": home(_block(False), _block(True)),
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
                "VersioningConfiguration": {"Status": "Enabled"},
                "LifecycleConfiguration": {
                    "Rules": [
                        {"Id": "old", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
                        {"Id": "unfinished", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
                    ]
                },
                "WebsiteConfiguration": only_if("OnLocalStack", {"IndexDocument": "index.html"}),
            },
        },
        "SiteBucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "SiteBucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [home(_anybody(), _cloudfront())]}},
        },
        "SiteAccess": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Condition": "OnAws",
            "Properties": {
                "OriginAccessControlConfig": {
                    "Name": sub("${AWS::StackName}-site"),
                    "OriginAccessControlOriginType": "s3",
                    "SigningBehavior": "always",
                    "SigningProtocol": "sigv4",
                }
            },
        },
        "SiteHeaders": {"Type": "AWS::CloudFront::ResponseHeadersPolicy", "Condition": "OnAws", "Properties": {"ResponseHeadersPolicyConfig": _headers()}},
        "Site": {"Type": "AWS::CloudFront::Distribution", "Condition": "OnAws", "Properties": {"DistributionConfig": _distribution()}},
    }


def _block(everything: bool) -> dict[str, bool]:
    return dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), everything)


def _anybody() -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": sub("${SiteBucket.Arn}/*")}


def _cloudfront() -> dict[str, Any]:
    """This one distribution. It may list too, so that a file that is not there is a 404 and not a 403."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [{"Fn::GetAtt": ["SiteBucket", "Arn"]}, sub("${SiteBucket.Arn}/*")],
        "Condition": {"StringEquals": {"AWS:SourceArn": sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Site}")}},
    }


def _headers() -> dict[str, Any]:
    """The host's own headers; the page may talk to the API besides."""
    policy = CONTENT_SECURITY_POLICY.replace("connect-src 'self'", f"connect-src 'self' {API_ORIGIN}")
    return {
        "Name": sub("${AWS::StackName}-site"),
        "SecurityHeadersConfig": {
            "ContentSecurityPolicy": {"ContentSecurityPolicy": sub(policy), "Override": True},
            "ContentTypeOptions": {"Override": True},
            "FrameOptions": {"FrameOption": "DENY", "Override": True},
            "ReferrerPolicy": {"ReferrerPolicy": "no-referrer", "Override": True},
            "StrictTransportSecurity": {"AccessControlMaxAgeSec": 31_536_000, "Override": True},
        },
    }


def _distribution() -> dict[str, Any]:
    return {
        "Comment": sub("The web app of ${AWS::StackName}"),
        "Enabled": True,
        "DefaultRootObject": "index.html",
        "HttpVersion": "http2and3",
        "PriceClass": "PriceClass_100",
        "Origins": [
            {
                "Id": "bucket",
                "DomainName": {"Fn::GetAtt": ["SiteBucket", "RegionalDomainName"]},
                "OriginAccessControlId": {"Fn::GetAtt": ["SiteAccess", "Id"]},
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            }
        ],
        "DefaultCacheBehavior": {
            "TargetOriginId": "bucket",
            "ViewerProtocolPolicy": "redirect-to-https",
            "Compress": True,
            "CachePolicyId": CACHING_OPTIMIZED,
            "ResponseHeadersPolicyId": {"Ref": "SiteHeaders"},
        },
    }
