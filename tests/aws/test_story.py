"""The life of an application, as told by boto3."""

import json
import unittest
import urllib.error
import urllib.request

import clients
import service
from clients import await_operation, await_status, create, describe, refused, start, stop

SKIP = {"ApplicationRestoreConfiguration": {"ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT"}}


class Story(unittest.TestCase):
    def test_the_life_of_an_application(self):
        boto = clients.boto()
        made = create(boto, "story", Tags=[{"Key": "team", "Value": "a"}], ApplicationDescription="Counts")
        self.assertEqual((made["ApplicationStatus"], made["ApplicationVersionId"]), ("READY", 1))
        self.assertNotIn("RunConfigurationDescription", made["ApplicationConfigurationDescription"])
        self.assertNotIn("ApplicationVersionUpdatedFrom", made)

        running = start(boto, "story", **SKIP)
        wish = running["ApplicationConfigurationDescription"]["RunConfigurationDescription"]
        restore = wish["ApplicationRestoreConfigurationDescription"]
        self.assertEqual(restore["ApplicationRestoreType"], "SKIP_RESTORE_FROM_SNAPSHOT")
        self.assertEqual(running["ApplicationVersionId"], 1)

        self.dashboard(boto)
        boto.create_application_snapshot(ApplicationName="story", SnapshotName="mine")
        service.until("the snapshot", lambda: self.snapshot(boto, "mine")["SnapshotStatus"] == "READY")

        updated = boto.update_application(
            ApplicationName="story",
            CurrentApplicationVersionId=1,
            ApplicationConfigurationUpdate={
                "EnvironmentPropertyUpdates": {
                    "PropertyGroups": [{"PropertyGroupId": "generator", "PropertyMap": {"rows": "30"}}]
                }
            },
        )
        self.assertEqual(updated["ApplicationDetail"]["ApplicationVersionId"], 2)
        ended = await_operation(boto, "story", updated["OperationId"])
        change = {"ApplicationVersionUpdatedFrom": 1, "ApplicationVersionUpdatedTo": 2}
        self.assertEqual((ended["OperationStatus"], ended["ApplicationVersionChangeDetails"]), ("SUCCESSFUL", change))
        detail = await_status(boto, "story", ["UPDATING"], "RUNNING")
        groups = detail["ApplicationConfigurationDescription"]["EnvironmentPropertyDescriptions"]
        self.assertEqual(groups["PropertyGroupDescriptions"][0]["PropertyMap"], {"rows": "30"})
        self.assertEqual(detail["ApplicationVersionUpdatedFrom"], 1)

        stop(boto, "story")
        names = [it["SnapshotName"] for it in self.pages(boto, "list_application_snapshots", "SnapshotSummaries")]
        self.assertEqual((len(names), names[0]), (3, "mine"))
        self.assertTrue(names[1].startswith("UPDATEAPPLICATION-story-"), names)

        custom = {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "mine"}
        running = start(boto, "story", ApplicationRestoreConfiguration=custom)
        wish = running["ApplicationConfigurationDescription"]["RunConfigurationDescription"]
        self.assertEqual(wish["ApplicationRestoreConfigurationDescription"], custom)

        self.rollback(boto)
        self.history(boto)
        self.tags(boto, made["ApplicationARN"])

        mine = self.snapshot(boto, "mine")
        stop(boto, "story", Force=True)
        boto.delete_application_snapshot(
            ApplicationName="story",
            SnapshotName="mine",
            SnapshotCreationTimestamp=mine["SnapshotCreationTimestamp"],
        )
        service.until("the end of the snapshot", lambda: self.has_no_snapshot(boto, "mine"))
        clients.delete(boto, "story")
        # The name is free at once.
        create(boto, "story")
        clients.delete(boto, "story")

    def dashboard(self, boto):
        """The URL that boto3 gets is opened as a browser does."""
        made = boto.create_application_presigned_url(ApplicationName="story", UrlType="FLINK_DASHBOARD_URL")
        url = made["AuthorizedUrl"]
        self.assertTrue(url.startswith(clients.WEIR.url + "/dashboard/story?authToken="), url)
        no_proxy = urllib.request.ProxyHandler({})
        browser = urllib.request.build_opener(no_proxy, urllib.request.HTTPCookieProcessor())
        page = browser.open(url)
        self.assertEqual((page.status, page.url), (200, clients.WEIR.url + "/dashboard/story"))
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        told = json.load(browser.open(page.url + "/data"))
        self.assertEqual(told["Application"]["ApplicationStatus"], "RUNNING")
        self.assertTrue(any(node["name"].startswith("Window") for node in told["Graph"]["nodes"]), told["Graph"])
        for closed in [page.url, url[:-4]]:
            with self.assertRaises(urllib.error.HTTPError) as refused_page:
                urllib.request.build_opener(no_proxy).open(closed)
            self.assertEqual(refused_page.exception.code, 403)

    def rollback(self, boto):
        before = describe(boto, "story")
        rolled = boto.rollback_application(
            ApplicationName="story", CurrentApplicationVersionId=before["ApplicationVersionId"]
        )
        ended = await_operation(boto, "story", rolled["OperationId"])
        self.assertEqual(ended["OperationStatus"], "SUCCESSFUL", ended)
        after = await_status(boto, "story", ["ROLLING_BACK"], "RUNNING")
        self.assertEqual(after["ApplicationVersionRolledBackFrom"], before["ApplicationVersionId"])
        groups = after["ApplicationConfigurationDescription"]["EnvironmentPropertyDescriptions"]
        self.assertEqual(groups["PropertyGroupDescriptions"][0]["PropertyMap"], {"rows": "20"})

    def history(self, boto):
        newest = describe(boto, "story")["ApplicationVersionId"]
        versions = self.pages(boto, "list_application_versions", "ApplicationVersionSummaries")
        found = [it["ApplicationVersionId"] for it in versions]
        self.assertEqual(found, list(range(newest, 0, -1)))
        first = boto.describe_application_version(ApplicationName="story", ApplicationVersionId=1)
        groups = first["ApplicationVersionDetail"]["ApplicationConfigurationDescription"]
        groups = groups["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"]
        self.assertEqual(groups[0]["PropertyMap"], {"rows": "20"})
        operations = self.pages(boto, "list_application_operations", "ApplicationOperationInfoList")
        kinds = [it["Operation"] for it in reversed(operations)]
        self.assertEqual(kinds[:4], ["StartApplication", "UpdateApplication", "StopApplication", "StartApplication"])
        only = boto.list_application_operations(
            ApplicationName="story", Operation="UpdateApplication", OperationStatus="SUCCESSFUL"
        )
        self.assertEqual(len(only["ApplicationOperationInfoList"]), 1)

    def tags(self, boto, arn):
        boto.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost"}])
        boto.untag_resource(ResourceARN=arn, TagKeys=["cost", "never"])
        self.assertEqual(boto.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "team", "Value": "b"}])

    def pages(self, boto, operation, member):
        """All items, read in pages of two by botocore's own paginator."""
        pages = boto.get_paginator(operation).paginate(
            ApplicationName="story", PaginationConfig={"PageSize": 2}
        )
        return [item for page in pages for item in page[member]]

    def snapshot(self, boto, name):
        found = boto.describe_application_snapshot(ApplicationName="story", SnapshotName=name)
        return found["SnapshotDetails"]

    def has_no_snapshot(self, boto, name):
        try:
            return self.snapshot(boto, name)["SnapshotStatus"] != "DELETING"
        except boto.exceptions.ResourceNotFoundException:
            return True

    def test_applications_are_listed_in_pages_by_name(self):
        boto = clients.boto()
        for name in ["page-c", "page-a", "page-b"]:
            create(boto, name)
        pages = list(boto.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 1}))
        names = [it["ApplicationName"] for page in pages for it in page["ApplicationSummaries"]]
        self.assertEqual([name for name in names if name.startswith("page-")], ["page-a", "page-b", "page-c"])
        after = boto.list_applications(NextToken="page-a", Limit=1)["ApplicationSummaries"]
        self.assertEqual(after[0]["ApplicationName"], "page-b")
        for name in ["page-c", "page-a", "page-b"]:
            clients.delete(boto, name)

    def test_a_start_that_fails_says_why(self):
        boto = clients.boto()
        code = {"CodeContentType": "ZIPFILE", "CodeContent": {"ZipFileContent": RAISES}}
        create(boto, "raises", ApplicationConfiguration={"ApplicationCodeConfiguration": code})
        operation = boto.start_application(ApplicationName="raises", RunConfiguration={})["OperationId"]
        ended = await_operation(boto, "raises", operation)
        self.assertEqual(ended["OperationStatus"], "FAILED")
        cause = ended["OperationFailureDetails"]["ErrorInfo"]["ErrorString"]
        self.assertIn("no such sensor", cause)
        self.assertEqual(describe(boto, "raises")["ApplicationStatus"], "READY")
        clients.delete(boto, "raises")


def program(text):
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", text)
    return packed.getvalue()


RAISES = program("raise RuntimeError('no such sensor')\n")
