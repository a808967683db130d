"""The models of a small Django project."""

from django.db import models


class Stock(models.Model):
    sku = models.CharField(max_length=20, primary_key=True)
    left = models.IntegerField()

    class Meta:
        app_label = "django_project"
        constraints = (models.CheckConstraint(condition=models.Q(left__gte=0), name="left"),)


class Reservation(models.Model):
    order = models.CharField(max_length=20)
    sku = models.CharField(max_length=20)

    class Meta:
        app_label = "django_project"
