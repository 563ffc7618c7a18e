"""URLs of the consent room. A patient's carry no ids."""

from django.urls import path

from consent.pages.desk.views import aftercare, confirm, documents, end_consent, paper, subject_export
from consent.pages.manager import views as manager
from consent.pages.patient.views import course_session, read_at_home, sign, withdraw
from consent.pages.public import views as public

urlpatterns = [
    path("tablet/still-happy/", course_session.still_happy, name="still_happy"),
    path("tablet/consent/", sign.consenting, name="consenting"),
    path("tablet/consent/<slug:page>/", sign.consent_page, name="consent_page"),
    path("tablet/read/", read_at_home.read_at_home, name="read_at_home"),
    path("tablet/read/<slug:page>/", read_at_home.read_at_home, name="read_at_home_page"),
    path("visits/<int:pk>/paper/", paper.print_blank, name="paper_print"),
    path("visits/<int:pk>/paper/record/", paper.record, name="paper_record"),
    path("visits/<int:pk>/paper/<str:code>/", paper.blank, name="paper_form"),
    path("confirm/<int:pk>/", confirm.confirm, name="confirm"),
    path("confirm/<int:pk>/change/", confirm.change, name="change_answers"),
    path("consents/<int:pk>/pdf/", documents.consent_pdf, name="consent_pdf"),
    path("consents/<int:pk>/seal/", documents.seal_again, name="seal_again"),
    path("consents/<int:pk>/send/", documents.send_copy, name="send_copy"),
    path("visits/<int:pk>/aftercare/", aftercare.aftercare, name="aftercare"),
    path("visits/<int:pk>/aftercare/send/", aftercare.send_aftercare, name="send_aftercare"),
    # Taken back, replaced or entered in error.
    path("tablet/withdraw/", withdraw.withdraw, name="withdraw"),
    path("consents/<int:pk>/withdraw/", end_consent.withdraw_consent, name="withdraw_consent"),
    path("consents/<int:pk>/withdraw/tablet/", end_consent.withdraw_on_tablet, name="withdraw_on_tablet"),
    path("consents/<int:pk>/end/", end_consent.end_consent, name="end_consent"),
    path("consents/<int:pk>/after/<int:after>/pdf/", end_consent.after_pdf, name="after_pdf"),
    path("consents/<int:pk>/after/<int:after>/seal/", end_consent.seal_after_again, name="seal_after_again"),
    path("patients/<int:pk>/export/", subject_export.export_patient, name="export_patient"),
    # For anyone.
    path("verify/", public.verify, name="verify"),
    path("verify/help/", public.verify_help, name="verify_help"),
    path("verify/root.cer", public.root_certificate, name="root_certificate"),
    path("verify/revoked.crl", public.revoked, name="revoked"),
    path("verify/verifier.zip", public.verifier, name="verifier"),
    path("verify/<str:sha256>.tst", public.timestamp_token, name="timestamp_token"),
    path("manage/versions/", manager.versions, name="manage_versions"),
]
